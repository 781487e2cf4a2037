"use strict";
// The strips above the operations: the whole run at a glance, and each node over time.

/** `scale` says what is in view: { GUTTER, view, x, inner, width, paint }. */
page.strips = (scale) => {
  const { seconds, pen, colour } = page.dom;
  const { operations: ops, statuses, nodes, faults, horizon } = page.data;
  const { GUTTER, view, x, inner } = scale;
  const NODE = 26;

  const niceStep = (length) => {
    const rough = length / 8;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  };

  function drawAxis(context, height, labels) {
    const gap = niceStep(view.to - view.from);
    const digits = Math.max(0, Math.min(6, 6 - Math.floor(Math.log10(gap))));
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    for (let time = Math.ceil(view.from / gap) * gap; time <= view.to; time += gap) {
      context.fillStyle = scale.paint.line;
      context.fillRect(x(time), 0, 1, height);
      if (labels) {
        context.fillStyle = scale.paint.faint;
        context.fillText(seconds(time, digits), x(time), height - 4);
      }
    }
    context.textAlign = "left";
  }

  function drawOverview(canvas) {
    const height = 46;
    const context = pen(canvas, scale.width(), height);
    const { counts, width: slice } = ops.slices;
    const columns = Math.max(1, Math.floor(inner()));
    const sums = [new Float64Array(columns), new Float64Array(columns), new Float64Array(columns)];
    // A slice that lies on several columns is divided among them, so that none looks fuller than it is.
    const perSlice = (slice / horizon) * columns;
    counts.forEach((column, outcome) => column.forEach((count, at) => {
      const to = Math.min(columns, (at + 1) * perSlice);
      for (let left = at * perSlice; left < to - 1e-9; left = Math.floor(left + 1e-9) + 1) {
        const part = Math.min(to, Math.floor(left + 1e-9) + 1) - left;
        sums[outcome][Math.min(columns - 1, Math.floor(left + 1e-9))] += (count * part) / perSlice;
      }
    }));
    let most = 1;
    for (let at = 0; at < columns; at += 1) most = Math.max(most, sums[0][at] + sums[1][at] + sums[2][at]);
    for (const band of faults.bands.filter((one) => one.part[0] === one.part[1])) {
      context.fillStyle = colour(`fault-${band.kind}`);
      context.globalAlpha = 0.18;
      const from = GUTTER + (band.from / horizon) * inner();
      context.fillRect(from, 0, Math.max(1, (((band.to ?? horizon) - band.from) / horizon) * inner()), height);
    }
    context.globalAlpha = 1;
    for (let at = 0; at < columns; at += 1) {
      let base = height;
      [0, 2, 1].forEach((outcome) => {
        const part = (sums[outcome][at] / most) * (height - 6);
        if (part === 0) return;
        const tall = Math.max(outcome === 2 ? 2 : 0, part);
        context.fillStyle = scale.paint.outcomes[outcome];
        context.fillRect(GUTTER + at, base - tall, 1, tall);
        base -= tall;
      });
    }
    const from = GUTTER + (view.from / horizon) * inner();
    const to = GUTTER + (view.to / horizon) * inner();
    context.fillStyle = scale.paint.paper;
    context.globalAlpha = 0.6;
    context.fillRect(GUTTER, 0, from - GUTTER, height);
    context.fillRect(to, 0, GUTTER + inner() - to, height);
    context.globalAlpha = 1;
    context.strokeStyle = scale.paint.select;
    context.strokeRect(from + 0.5, 0.5, Math.max(2, to - from - 1), height - 1);
    context.fillStyle = scale.paint.faint;
    context.font = "11px system-ui, sans-serif";
    context.fillText("whole run", 4, 18);
    context.fillText(seconds(horizon, 1), 4, 34);
  }

  function drawNodes(canvas) {
    const height = nodes.length * NODE + 4;
    const context = pen(canvas, scale.width(), height);
    drawAxis(context, height, false);
    nodes.forEach((node, at) => {
      const y = at * NODE + 2;
      context.fillStyle = scale.paint.ink;
      context.font = "12px system-ui, sans-serif";
      context.fillText(node, 4, y + 15);
      context.save();
      context.beginPath();
      context.rect(GUTTER, y, inner(), NODE - 2);
      context.clip();
      drawStatuses(context, statuses[node], y);
      faults.bands.filter((band) => band.node === node).forEach((band) => drawBand(context, band, y));
      context.restore();
    });
  }

  function drawStatuses(context, lane, y) {
    if (!lane) return;
    const ROLES = [scale.paint.follower, scale.paint.candidate, scale.paint.leader];
    let textRight = -Infinity;
    let commitRight = -Infinity;
    let at = Math.max(0, upper(lane.time, view.from) - 1);
    while (at < lane.count && lane.time[at] <= view.to) {
      let next = at + 1;
      while (next < lane.count && lane.role[next] === lane.role[at] && lane.term[next] === lane.term[at]) next += 1;
      const from = Math.max(GUTTER, x(lane.time[at]));
      const to = Math.min(scale.width(), next < lane.count ? x(lane.time[next]) : x(horizon));
      context.fillStyle = ROLES[lane.role[at]] ?? scale.paint.faint;
      const tall = [3, 8, 12, 3][lane.role[at]];
      context.fillRect(from, y + 12 - tall, Math.max(1, to - from), tall);
      if (to - from > 34 && from > textRight) {
        context.fillStyle = lane.role[at] === 2 ? scale.paint.paper : scale.paint.faint;
        context.font = lane.role[at] === 2 ? "10px system-ui, sans-serif" : "9px system-ui, sans-serif";
        const text = `${lane.role[at] === 2 ? "leads " : ""}T${lane.term[at]}`;
        if (lane.role[at] === 2) context.fillText(text, from + 3, y + 10);
        else context.fillText(text, from + 3, y + 8);
        textRight = from + 4 + text.length * 6;
      }
      for (let one = at; one < next; one += 1) {
        const place = x(lane.time[one]);
        if (place < GUTTER || place > scale.width() || place < commitRight) continue;
        const text = `c${lane.commit[one]}`;
        context.fillStyle = scale.paint.faint;
        context.font = "9px system-ui, sans-serif";
        context.fillText(text, place + 2, y + 22);
        context.fillRect(place, y + 14, 1, 8);
        commitRight = place + text.length * 6 + 8;
      }
      at = next;
    }
  }

  function upper(times, time) {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function drawBand(context, band, y) {
    const to = band.to ?? horizon;
    if (to < view.from || band.from > view.to) return;
    const left = x(band.from);
    const wide = Math.max(1, x(to) - left);
    const { shape, word } = faults.looks[band.kind];
    const [hit, of] = band.part;
    const over = shape === "over";
    const tall = over ? NODE - 3 : shape === "above" ? 3 : 2 + (hit / of) * 4;
    context.fillStyle = colour(`fault-${band.kind}`);
    context.globalAlpha = over || hit < of ? 0.7 : 1;
    context.fillRect(left, shape === "under" ? y + NODE - 3 - tall : y, wide, tall);
    context.globalAlpha = 1;
    if (shape === "under") return;
    if (over) context.fillStyle = scale.paint.paper;
    context.font = over ? "10px system-ui, sans-serif" : "9px system-ui, sans-serif";
    if (context.measureText(word).width + 6 < wide) context.fillText(word, Math.max(left, GUTTER) + 3, over ? y + 14 : y + 21);
  }

  return { drawAxis, drawOverview, drawNodes };
};
