"use strict";
// Every operation of the run, from the whole of it to a single event, beside what the nodes were at that moment.

page.timeline = () => {
  const { make, seconds, span, number, colour, section, onResize, pen, onColours, showTip, hideTip } = page.dom;
  const { operations: ops, faults, horizon, culprits } = page.data;
  const { byProcess, byKey, levels, firstFrom } = page.lanes;
  const GUTTER = 128;
  const LEAST = 50; // µs: nothing is to be seen more closely

  const root = section("timeline", "Timeline",
    "Every operation, coloured by its outcome, and above it each node: its role, term and commit index, and what was done to it.");
  if (ops.window) {
    root.append(make("p", { class: "warning", text: `The run has ${number(ops.of)} operations. Those from ${seconds(ops.window[0])} to `
      + `${seconds(ops.window[1])} are here one by one (${number(ops.count)}${culprits.size > 0 ? ", around what failed" : ""}); of the others the overview shows how many there were. `
      + "harness report RUN --operations N draws more." }));
  }

  // -- state ---------------------------------------------------------------------------------------------------
  const view = { from: 0, to: Math.max(horizon, 1) };
  let lanes = null;
  let detail = [];
  let laneHeight = 12;
  let selected = -1;
  let found = null; // a Set of places, while something is searched for
  let hits = [];
  let hit = -1;
  let width = 800;

  // -- elements ------------------------------------------------------------------------------------------------
  const mode = make("select", { "aria-label": "Lanes", onchange: () => arrange() },
    make("option", { value: "process", text: "lanes by process" }), make("option", { value: "key", text: "lanes by key" }));
  const query = make("input", { type: "search", placeholder: "key, value, #index, process:3, node:n2, error:…", "aria-label": "Search operations" });
  const says = make("span", { class: "note", "aria-live": "polite" });
  const button = (text, label, act) => make("button", { type: "button", text, title: label, "aria-label": label, onclick: act });
  const overview = make("canvas", { class: "overview", role: "img", "aria-label": "The whole run: operations over time; drag to choose a part" });
  const nodeCanvas = make("canvas", { class: "nodes", role: "img", "aria-label": "Role, term and commit index of each node, and its faults" });
  const canvas = make("canvas", { class: "ops", tabindex: "0", role: "application",
    "aria-label": "Operations. Left and right move, plus and minus zoom, 0 shows everything, [ and ] choose the operation before and after" });
  const spacer = make("div", { class: "spacer" });
  const scroller = make("div", { class: "scroller" }, make("div", { class: "sticky" }, canvas), spacer);
  const details = make("div", { class: "details", "aria-live": "polite" }, make("p", { class: "note", text: "Click an operation to see its events." }));
  root.append(
    make("div", { class: "controls" }, mode, query,
      button("◀", "the hit before", () => step(-1)), button("▶", "the next hit", () => step(1)), says,
      make("span", { class: "gap" }),
      button("−", "zoom out", () => zoom(2)), button("+", "zoom in", () => zoom(0.5)), button("all", "the whole run", () => look(0, horizon)),
      culprits.size > 0 ? button("what failed", "the operations of the counterexample", () => goToCulprits()) : null),
    overview, nodeCanvas, scroller, legend(), details,
    make("p", { class: "note", text: "Drag to move; Ctrl and the wheel, a pinch or + and − zoom; double-click zooms in; drag in the overview to choose a part." }));

  function legend() {
    const swatch = (kind, text) => make("span", {}, make("i", { class: `swatch ${kind}` }), ` ${text}`);
    const seen = Object.values(faults.looks).filter((look) => faults.bands.some((band) => band.kind === look.band));
    return make("div", { class: "legend" }, swatch("ok", "ok"), swatch("fail", "fail: it did not happen"), swatch("info", "info: nobody knows"),
      swatch("leader", "leads"), swatch("candidate", "campaigns"), ...seen.map((look) => swatch(`${look.shape} ${look.band}`, look.word)),
      make("span", { text: "T4: term, c70: commit index" }),
      culprits.size > 0 ? swatch("culprit", "in the counterexample") : null);
  }

  // -- the scale -----------------------------------------------------------------------------------------------
  const inner = () => width - GUTTER - 6;
  const x = (time) => GUTTER + ((time - view.from) / (view.to - view.from)) * inner();
  const scale = { GUTTER, view, x, inner, width: () => width, paint: null };
  const timeAt = (px) => view.from + ((px - GUTTER) / inner()) * (view.to - view.from);

  function look(from, to) {
    const least = Math.min(LEAST, horizon);
    let length = Math.max(least, Math.min(to - from, horizon));
    if (!Number.isFinite(length)) length = horizon;
    const start = Math.max(0, Math.min(from, horizon - length));
    view.from = start;
    view.to = start + length;
    schedule();
  }

  function zoom(factor, at = (view.from + view.to) / 2) {
    look(at - (at - view.from) * factor, at + (view.to - at) * factor);
  }

  const pan = (part) => look(view.from + part * (view.to - view.from), view.to + part * (view.to - view.from));

  let pending = false;
  function schedule() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      drawAll();
    });
  }

  function arrange() {
    lanes = mode.value === "key" ? byKey(ops) : byProcess(ops, horizon);
    detail = levels(ops, lanes.lane, lanes.names.length, horizon);
    laneHeight = Math.max(7, Math.min(20, Math.floor(380 / Math.max(1, lanes.names.length))));
    const height = Math.max(60, lanes.names.length * laneHeight + 24);
    scroller.style.height = `${Math.min(height, 420)}px`;
    spacer.style.height = `${height - Math.min(height, 420)}px`;
    schedule();
  }

  // -- drawing -------------------------------------------------------------------------------------------------
  let paint = null;
  function colours() {
    paint = {};
    for (const name of ["ink", "faint", "line", "ok", "fail", "info", "culprit", "leader", "candidate", "follower", "outside", "paper", "select"]) {
      paint[name] = colour(name);
    }
    paint.outcomes = [paint.ok, paint.fail, paint.info];
    scale.paint = paint;
  }

  function drawAll() {
    if (!lanes) return;
    strips.drawOverview(overview);
    strips.drawNodes(nodeCanvas);
    drawOperations();
  }

  function drawOperations() {
    const height = Math.min(scroller.clientHeight || 300, 420);
    const context = pen(canvas, width, height);
    const scroll = scroller.scrollTop;
    strips.drawAxis(context, height, true);
    if (ops.window) drawOutside(context, height);
    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, inner(), height - 16);
    context.clip();
    drawBars(context, height, scroll);
    context.restore();
    context.fillStyle = paint.ink;
    context.font = "11px system-ui, sans-serif";
    const stride = Math.max(1, Math.ceil(12 / laneHeight));
    lanes.names.forEach((name, lane) => {
      const y = lane * laneHeight - scroll;
      if (lane % stride === 0 && y > -laneHeight && y < height - 16) context.fillText(clip(name, 20), 4, y + Math.min(12, laneHeight));
    });
  }

  const clip = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);

  function drawOutside(context, height) {
    context.fillStyle = paint.outside;
    const [from, to] = ops.window;
    if (from > view.from) context.fillRect(GUTTER, 0, x(from) - GUTTER, height - 16);
    if (to < view.to) context.fillRect(x(to), 0, width - x(to), height - 16);
  }

  /** The coarsest level that misses nothing at this zoom. */
  function level() {
    const perPixel = (view.to - view.from) / inner();
    let best = detail[0];
    for (const one of detail) if (one.width <= perPixel) best = one;
    return best;
  }

  function drawBars(context, height, scroll) {
    const { places } = level();
    const perPixel = (view.to - view.from) / inner();
    const first = firstFrom(ops, places, view.from - ops.longest);
    const right = new Float64Array(lanes.names.length * 3).fill(-1);
    const tall = Math.max(3, laneHeight - 3);
    // What is unknown is open to the right: it may have begun long before.
    for (const at of open) {
      if (ops.start[at] >= view.from - ops.longest) break;
      drawBar(context, at, right, tall, scroll, height, perPixel);
    }
    for (let place = first; place < places.length; place += 1) {
      const at = places[place];
      if (ops.start[at] > view.to) break;
      drawBar(context, at, right, tall, scroll, height, perPixel);
    }
    for (const at of marked) drawMark(context, at, tall, scroll, paint.culprit);
    if (selected >= 0) drawMark(context, selected, tall, scroll, paint.select);
  }

  function drawBar(context, at, right, tall, scroll, height, perPixel) {
    const lane = lanes.lane[at];
    const y = lane * laneHeight - scroll + 1;
    if (y < -laneHeight || y > height) return;
    const outcome = ops.outcome[at];
    const slot = lane * 3 + outcome;
    const from = Math.max(GUTTER - 2, x(ops.start[at]));
    const end = Math.min(ops.end[at], view.to);
    const wide = Math.max(perPixel > 0 ? 1 : 1, x(end) - from);
    if (from + wide < GUTTER || from + wide <= right[slot] + 0.5) return;
    right[slot] = from + wide;
    context.globalAlpha = found && !found.has(at) ? 0.12 : outcome === 2 ? 0.75 : 0.9;
    context.fillStyle = paint.outcomes[outcome];
    context.fillRect(from, y, wide > 3 ? wide - 0.5 : wide, tall);
    if (wide > 46 && tall >= 9) {
      const one = page.data.operation(at);
      context.globalAlpha = 1;
      context.fillStyle = paint.paper;
      context.font = "10px system-ui, sans-serif";
      context.fillText(clip(`${one.f} ${one.shown ?? ""}`, Math.floor(wide / 6)), from + 3, y + tall - 2);
    }
    context.globalAlpha = 1;
  }

  function drawMark(context, at, tall, scroll, stroke) {
    const from = x(ops.start[at]);
    const to = x(Math.min(ops.end[at], view.to));
    if (to < GUTTER || from > width) return;
    context.strokeStyle = stroke;
    context.lineWidth = 2;
    context.strokeRect(from - 2, lanes.lane[at] * laneHeight - scroll - 1, Math.max(4, to - from + 4), tall + 4);
    context.lineWidth = 1;
  }

  /** Operations without an end, and those of the counterexample, by place. */
  const open = [];
  const marked = [];
  for (let at = 0; at < ops.count; at += 1) {
    if (ops.end[at] === Infinity || ops.end[at] - ops.start[at] > ops.longest) open.push(at);
    if (culprits.has(ops.invoke[at])) marked.push(at);
  }

  // -- looking for something -----------------------------------------------------------------------------------

  function search() {
    const tests = page.search(query.value);
    hits = [];
    hit = -1;
    if (tests.length === 0) {
      found = null;
      says.textContent = "";
      schedule();
      return;
    }
    for (let at = 0; at < ops.count; at += 1) {
      const one = page.data.operation(at);
      if (tests.every((test) => test(one))) hits.push(at);
    }
    found = new Set(hits);
    says.textContent = `${number(hits.length)} found`;
    if (hits.length > 0) step(1);
    else schedule();
  }

  function step(by) {
    if (hits.length === 0) return;
    hit = (hit + by + hits.length) % hits.length;
    says.textContent = `${number(hit + 1)} of ${number(hits.length)}`;
    select(hits[hit], true);
  }

  // -- choosing an operation -----------------------------------------------------------------------------------

  function select(at, show) {
    selected = at;
    if (show) {
      const end = Math.min(ops.end[at], horizon);
      if (ops.start[at] < view.from || end > view.to || (end - ops.start[at]) * 200 < view.to - view.from) {
        const room = Math.max(2000, (Math.min(end, ops.start[at] + 1e6) - ops.start[at]) * 12);
        look(ops.start[at] - room, ops.start[at] + room);
      }
      const y = lanes.lane[at] * laneHeight;
      if (y < scroller.scrollTop || y > scroller.scrollTop + scroller.clientHeight - 40) scroller.scrollTop = Math.max(0, y - 60);
    }
    details.replaceChildren(tell(page.data.operation(at)));
    schedule();
  }

  function tell(one) {
    const cells = (...texts) => make("tr", {}, texts.map((text) => make("td", { text: text ?? "" })));
    const head = make("tr", {}, ["index", "time", "type", "f", "key", "value", "process", "node", "error", "log"].map((text) => make("th", { scope: "col", text })));
    const log = one.at > 0 ? `[${one.at}, term ${one.term}]` : "";
    const invoke = cells(`#${one.index}`, seconds(one.start, 6), "invoke", one.f, one.key, one.argument ?? "null", String(one.process), one.node);
    const complete = one.completion === null
      ? make("tr", {}, make("td", { colspan: "10", text: "it never completed: nobody knows whether it happened" }))
      : cells(`#${one.completion}`, seconds(one.end, 6), one.outcome, one.f, one.key, one.result ?? "null", String(one.process), one.node, one.error, log);
    return make("table", { class: "events", "data-operation": String(one.index) },
      make("caption", { text: `Operation #${one.index}${Number.isFinite(one.end) ? `, ${span(one.end - one.start)}` : ""}` }),
      make("thead", {}, head), make("tbody", {}, invoke, complete));
  }

  function nearest(px, py) {
    const lane = Math.floor((py + scroller.scrollTop) / laneHeight);
    const time = timeAt(px);
    const slack = ((view.to - view.from) / inner()) * 6;
    const first = firstFrom(ops, detail[0].places, time - ops.longest - slack);
    let best = -1;
    let distance = Infinity;
    const consider = (at) => {
      if (lanes.lane[at] !== lane) return;
      const away = time < ops.start[at] ? ops.start[at] - time : time > ops.end[at] ? time - ops.end[at] : 0;
      if (away <= slack && (away < distance || (away === distance && ops.start[at] > ops.start[best]))) {
        best = at;
        distance = away;
      }
    };
    for (const at of open) consider(at);
    for (let at = first; at < ops.count && ops.start[at] <= time + slack; at += 1) consider(at);
    return best;
  }

  function goToCulprits() {
    if (marked.length === 0) return;
    const from = ops.start[marked[0]];
    const to = Math.max(...marked.map((at) => Math.min(ops.end[at], ops.start[at] + 1e6)));
    const room = Math.max(2000, (to - from) * 0.1);
    look(from - room, to + room);
  }

  page.timelineGoTo = (index) => {
    const at = page.data.placeOf(index);
    if (at < 0) return;
    select(at, true);
    root.scrollIntoView({ block: "start" });
  };

  // -- hands ---------------------------------------------------------------------------------------------------

  let dragged = null;
  canvas.addEventListener("pointerdown", (event) => {
    dragged = { x: event.offsetX, from: view.from, to: view.to, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragged) {
      const by = ((dragged.x - event.offsetX) / inner()) * (dragged.to - dragged.from);
      if (Math.abs(dragged.x - event.offsetX) > 3) dragged.moved = true;
      if (dragged.moved) look(dragged.from + by, dragged.to + by);
      return;
    }
    const at = nearest(event.offsetX, event.offsetY);
    if (at < 0) {
      hideTip();
      return;
    }
    const one = page.data.operation(at);
    showTip([`${one.f} ${one.shown ?? "null"}${one.key ? `, key ${one.key}` : ""}`, `${one.outcome}${one.error ? ` ${one.error}` : ""}, ${span(one.end - one.start)}`,
      `#${one.index}, process ${one.process}${one.node ? ` on ${one.node}` : ""}`], event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("pointerup", (event) => {
    const click = dragged && !dragged.moved;
    dragged = null;
    const at = click ? nearest(event.offsetX, event.offsetY) : -1;
    if (at >= 0) select(at, false);
  });
  canvas.addEventListener("dblclick", (event) => zoom(0.25, timeAt(event.offsetX)));
  for (const element of [canvas, nodeCanvas, overview]) {
    element.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.offsetX));
      else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(Math.sign(event.deltaX || event.deltaY) * 0.1);
      else return;
      event.preventDefault();
    }, { passive: false });
  }

  const KEYS = {
    ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => look(0, horizon),
    "[": () => selected > 0 && select(selected - 1, true), "]": () => selected + 1 < ops.count && select(selected + 1, true),
  };
  canvas.addEventListener("keydown", (event) => {
    if (KEYS[event.key] && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });

  let brush = null;
  const wholeTime = (px) => Math.max(0, Math.min(horizon, ((px - GUTTER) / inner()) * horizon));
  overview.addEventListener("pointerdown", (event) => {
    brush = wholeTime(event.offsetX);
    overview.setPointerCapture(event.pointerId);
  });
  overview.addEventListener("pointermove", (event) => {
    if (brush !== null && event.buttons) {
      const now = wholeTime(event.offsetX);
      if (Math.abs(now - brush) > horizon / 400) look(Math.min(brush, now), Math.max(brush, now));
    }
  });
  overview.addEventListener("pointerup", (event) => {
    const now = wholeTime(event.offsetX);
    const half = (view.to - view.from) / 2;
    if (brush !== null && Math.abs(now - brush) <= horizon / 400) look(now - half, now + half);
    brush = null;
  });
  scroller.addEventListener("scroll", schedule);
  let searched = "";
  const searchAnew = () => {
    if (query.value === searched) return false;
    searched = query.value;
    search();
    return true;
  };
  query.addEventListener("change", searchAnew);
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !searchAnew()) step(1);
  });

  const strips = page.strips(scale);
  colours();
  onColours(() => {
    colours();
    schedule();
  });
  arrange();
  onResize(root, (now) => {
    width = now;
    drawAll();
  });
  width = root.clientWidth || width;
  if (marked.length > 0) goToCulprits();
  else if (ops.window) look(ops.window[0], ops.window[1]);
  drawAll();
  page.timelineLook = look;
};
