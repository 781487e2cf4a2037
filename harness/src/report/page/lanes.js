"use strict";
// Where an operation stands in the timeline, and which of a million are worth drawing at a given zoom.

page.lanes = (() => {
  /**
   * A client whose operation has an unknown outcome retires, and a new number takes its place: processes that do not
   * overlap in time share a lane, so that there are as many lanes as clients.
   */
  function byProcess(ops, horizon) {
    const spans = new Map();
    for (let at = 0; at < ops.count; at += 1) {
      const end = Math.min(ops.end[at], horizon);
      const span = spans.get(ops.process[at]);
      if (span) span.end = Math.max(span.end, end);
      else spans.set(ops.process[at], { process: ops.process[at], start: ops.start[at], end });
    }
    const free = [];
    const lanes = new Map();
    const names = [];
    for (const span of [...spans.values()].sort((a, b) => a.start - b.start)) {
      let lane = free.findIndex((until) => until <= span.start);
      if (lane < 0) lane = free.length;
      free[lane] = span.end;
      lanes.set(span.process, lane);
      if (names[lane] === undefined) names[lane] = [];
      names[lane].push(span.process);
    }
    const lane = new Uint32Array(ops.count);
    for (let at = 0; at < ops.count; at += 1) lane[at] = lanes.get(ops.process[at]);
    return { lane, names: names.map((all) => (all.length === 1 ? `process ${all[0]}` : `process ${all[0]} and ${all.length - 1} more`)) };
  }

  /** One lane a key, in the order in which they appear; inside it, operations that overlap lie over each other. */
  function byKey(ops) {
    const lane = new Uint32Array(ops.count);
    const names = [];
    const place = new Map();
    for (let at = 0; at < ops.count; at += 1) {
      const key = ops.key[at];
      if (!place.has(key)) {
        place.set(key, names.length);
        names.push(key === 0 ? "(no key)" : `key ${ops.keys[key - 1]}`);
      }
      lane[at] = place.get(key);
    }
    return { lane, names };
  }

  /**
   * Levels of detail: for each width of a bucket, the first operation of every lane and outcome that begins in it, and
   * every operation that is longer than a bucket. Where a pixel is at least as wide as the bucket nothing is missed.
   */
  function levels(ops, lane, count, horizon) {
    const all = new Uint32Array(ops.count);
    for (let at = 0; at < ops.count; at += 1) all[at] = at;
    const list = [{ width: 0, places: all }];
    for (const buckets of [65536, 8192, 2048]) {
      const width = horizon / buckets;
      const before = list[list.length - 1].places;
      if (before.length < 20000) break;
      const last = new Int32Array(count * 3).fill(-1);
      const places = [];
      for (const at of before) {
        const slot = lane[at] * 3 + ops.outcome[at];
        const bucket = Math.floor(ops.start[at] / width);
        if (last[slot] !== bucket || ops.end[at] - ops.start[at] > width) {
          last[slot] = bucket;
          places.push(at);
        }
      }
      list.push({ width, places: Uint32Array.from(places) });
    }
    return list;
  }

  /** The first place in `places` whose operation starts at or after `time`. */
  function firstFrom(ops, places, time) {
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ops.start[places[middle]] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return { byProcess, byKey, levels, firstFrom };
})();
