"use strict";
// What the page knows: the JSON block of the file, its packed columns read back into arrays.

const page = {};

page.data = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
    return bytes;
  }

  /** Whole numbers, 7 bits a byte. `count` may be left out where it is not known. */
  function plain(base64, count) {
    const bytes = bytesOf(base64);
    const numbers = new Float64Array(count === undefined ? bytes.length : count);
    let at = 0;
    let length = 0;
    while (at < bytes.length) {
      let number = 0;
      let scale = 1;
      let byte;
      do {
        byte = bytes[at];
        at += 1;
        // No shifts: they would cut the number at 32 bits.
        number += (byte & 0x7f) * scale;
        scale *= 128;
      } while (byte >= 0x80);
      numbers[length] = number;
      length += 1;
    }
    return numbers.subarray(0, length);
  }

  const unfold = (number) => (number % 2 === 0 ? number / 2 : -(number + 1) / 2);

  /** Each number as its distance from the one before. */
  function deltas(base64, count) {
    const numbers = plain(base64, count);
    let last = 0;
    for (let at = 0; at < numbers.length; at += 1) {
      last += unfold(numbers[at]);
      numbers[at] = last;
    }
    return numbers;
  }

  const OUTCOMES = ["ok", "fail", "info"];

  /** The operations, in the order of their invocations. */
  function operations(packed) {
    const count = packed.count;
    const start = deltas(packed.start, count);
    const took = plain(packed.took, count);
    const f = plain(packed.f, count);
    const end = new Float64Array(count);
    const outcome = new Uint8Array(count);
    let longest = 0;
    for (let at = 0; at < count; at += 1) {
      outcome[at] = f[at] % 4;
      f[at] = Math.floor(f[at] / 4);
      const open = took[at] === 0;
      end[at] = open ? Infinity : start[at] + took[at] - 1;
      if (!open && outcome[at] !== 2) longest = Math.max(longest, took[at] - 1);
    }
    return {
      count, of: packed.of, window: packed.window || null, start, end, outcome, f, longest,
      words: packed.words, keys: packed.keys, texts: packed.texts,
      invoke: deltas(packed.invoke, count), complete: plain(packed.complete, count),
      process: deltas(packed.process, count), key: plain(packed.key, count), node: plain(packed.node, count),
      error: plain(packed.error, count), argument: plain(packed.argument, count),
      result: plain(packed.result, count), at: deltas(packed.at, count), term: deltas(packed.term, count),
      slices: {
        width: packed.slices.width,
        counts: OUTCOMES.map((name) => plain(packed.slices[name])),
      },
    };
  }

  const ops = operations(data.operations);

  /** A packed value as a person reads it; null for nothing. */
  function value(cell) {
    if (cell === 0) return null;
    if (cell % 2 === 1) return ops.texts[(cell - 1) / 2];
    return String(unfold((cell - 2) / 2));
  }

  const name = (names, number) => (number === 0 ? null : names[number - 1]);

  /** One operation with everything in words. */
  function operation(at) {
    const outcome = OUTCOMES[ops.outcome[at]];
    const argument = value(ops.argument[at]);
    const result = value(ops.result[at]);
    return {
      place: at, outcome, argument, result,
      f: ops.words[ops.f[at]],
      shown: outcome === "ok" && argument === null ? result : argument,
      index: ops.invoke[at],
      completion: ops.complete[at] === 0 ? null : ops.invoke[at] + ops.complete[at],
      start: ops.start[at], end: ops.end[at],
      process: ops.process[at],
      key: name(ops.keys, ops.key[at]), node: name(ops.words, ops.node[at]), error: name(ops.words, ops.error[at]),
      at: ops.at[at], term: ops.term[at],
    };
  }

  /** The place of the operation with this invocation; -1 if the page does not have it. */
  function placeOf(index) {
    let low = 0;
    let high = ops.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ops.invoke[middle] < index) low = middle + 1;
      else high = middle;
    }
    return low < ops.count && ops.invoke[low] === index ? low : -1;
  }

  function statuses() {
    const lanes = {};
    for (const [node, lane] of Object.entries(data.statuses)) {
      lanes[node] = {
        count: lane.count,
        time: deltas(lane.time, lane.count), role: plain(lane.role, lane.count),
        term: deltas(lane.term, lane.count), leader: plain(lane.leader, lane.count),
        commit: deltas(lane.commit, lane.count), last: deltas(lane.last, lane.count),
        incarnation: plain(lane.incarnation, lane.count),
      };
    }
    return lanes;
  }

  return {
    ...data, operations: ops, operation, placeOf, plain, deltas, OUTCOMES,
    statuses: statuses(),
    culprits: new Set(data.examples.flatMap((example) => example.operations.map((bar) => bar.invoke))),
  };
})();
