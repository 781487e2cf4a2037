"use strict";
// The few operations that prove a violation: as bars in real time, with what orders them, and the order that fails.

page.counterexample = () => {
  const { make, draw, seconds, span, section, tells, onResize } = page.dom;
  const { examples, faults } = page.data;
  if (examples.length === 0) return;

  const violations = examples.filter((example) => example.violation).length;
  const root = section("counterexample", violations > 0 ? "Counterexample" : "Where the check got stuck",
    violations > 0
      ? "The fewest operations that have no legal order. A bar is the time between the call and its answer: the operation "
        + "took effect somewhere inside it."
      : "Nobody knows whether the history is right: this is how far the best attempt came.");

  const HEIGHT = 58;
  const HEAD = 26;
  const GUTTER = 92;
  // So many steps of an order are drawn at once: those up to the one in view.
  const STEPS = 20;
  // So many of the operations that may come next are named.
  const NEXT = 6;

  /** The names that the proof uses, T1, T2 …, by the index of the invocation. */
  function namesOf(example) {
    const names = new Map((example.named ?? []).map((invoke, at) => [invoke, `T${at + 1}`]));
    // Where the proof names nothing they are numbered as they stand; the many steps of an undecided order have indexes.
    if (names.size === 0 && example.violation) example.operations.forEach((bar, at) => names.set(bar.invoke, `T${at + 1}`));
    return names;
  }

  /**
   * From times to places. Between two moments at which something happens the axis is as long as the logarithm of the
   * time says, so that a microsecond and a second can be seen in one picture; or true to scale.
   */
  function axis(moments, width, stretched) {
    const sorted = [...new Set(moments)].sort((a, b) => a - b);
    const weights = sorted.slice(1).map((time, at) => {
      const gap = time - sorted[at];
      return stretched ? 1 + Math.log10(1 + gap / 100) : gap;
    });
    const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1;
    const places = [0];
    weights.forEach((weight) => places.push(places[places.length - 1] + (weight / whole) * width));
    return {
      sorted, places,
      x(time) {
        if (sorted.length === 1 || time <= sorted[0]) return 0;
        for (let at = 1; at < sorted.length; at += 1) {
          if (time <= sorted[at]) {
            const part = (time - sorted[at - 1]) / (sorted[at] - sorted[at - 1]);
            return places[at - 1] + part * (places[at] - places[at - 1]);
          }
        }
        return width;
      },
    };
  }

  function bandsIn(from, to) {
    return faults.bands.filter((band) => {
      const whole = band.part[0] === band.part[1];
      return whole && band.from < to && (band.to ?? page.data.horizon) > from;
    });
  }

  function words(bar) {
    return `${bar.f} ${bar.value}`;
  }

  function describe(bar, name) {
    const end = bar.complete === undefined ? "never completed" : `${bar.kind} #${bar.complete} at ${seconds(bar.end, 6)}`;
    return [
      `${name ? `${name}: ` : ""}${words(bar)}${bar.key ? `, key ${bar.key}` : ""}`,
      `process ${bar.process}${bar.node ? ` on ${bar.node}` : ""}`,
      `#${bar.invoke} at ${seconds(bar.start, 6)}; ${end}`,
      bar.end === undefined ? "" : `took ${span(bar.end - bar.start)}`,
      bar.error ? `error ${bar.error}` : "",
      bar.at ? `log index ${bar.at[0]}, term ${bar.at[1]}` : "",
    ].filter(Boolean);
  }

  function drawExample(example, place) {
    const names = namesOf(example);
    const bars = example.operations;
    const box = make("article", { class: "example", "aria-label": `${example.check}${example.key ? `, key ${example.key}` : ""}` });
    box.append(make("h3", { text: `${example.violation ? "Violation" : "Undecided"} ${place + 1} of ${examples.length}: ${example.check}${example.key ? `, key ${example.key}` : ""}` }));
    const columns = make("div", { class: "proof" });
    const prose = make("div", { class: "prose" }, proseOf(example, names));
    box.append(columns);
    if (bars.length > 0) {
      columns.append(picture(example, names), prose);
    } else {
      columns.append(prose);
    }
    if (example.of > bars.length && bars.length > 0) {
      box.append(make("p", { class: "note", text: `${bars.length} of ${example.of} operations are drawn.` }));
    }
    return box;
  }

  function proseOf(example, names) {
    const known = new Map([...names].map(([index, name]) => [name, index]));
    return example.why.split("\n").map((line) => {
      const parts = line.split(/(\bT\d+\b)/).map((part) => (known.has(part)
        ? make("b", { class: "op-name", "data-op": String(known.get(part)), text: part }) : part));
      return make("p", { class: /^\s/.test(line) ? "inner" : "" }, parts);
    });
  }

  // -- the picture ---------------------------------------------------------------------------------------------

  function picture(example, names) {
    const holder = make("div", { class: "picture" });
    const controls = make("div", { class: "steps" });
    const canvas = make("div", { class: "bars" });
    const state = { stretched: true, step: example.attempt ? example.attempt.order.length + 1 : 0 };
    const again = () => {
      canvas.replaceChildren(bars(example, names, canvas.clientWidth || 640, state));
    };
    const scale = make("label", {}, make("input", { type: "checkbox", checked: true, onchange: (event) => {
      state.stretched = event.target.checked;
      again();
    } }), " stretch the moments that matter");
    holder.append(canvas, make("div", { class: "controls" }, scale), controls);
    onResize(canvas, again);
    if (example.attempt && (example.violation || example.attempt.order.length > 0)) controls.append(...attempt(example, names, state, again));
    else if (example.edges.length > 0) controls.append(edgeList(example, names));
    return holder;
  }

  /** The operations of the steps in view, and the first of those of which one has to come next; of a proof all. */
  function inView(example, step) {
    if (example.violation || !example.attempt) return example.operations;
    const { order, stuck } = example.attempt;
    const end = Math.max(STEPS, Math.min(step, order.length));
    const steps = order.slice(Math.max(0, end - STEPS), end).map((one) => one.operation);
    const shown = new Set([...steps, ...stuck.slice(0, NEXT)]);
    return example.operations.filter((bar) => shown.has(bar.invoke));
  }

  function bars(example, names, width, state) {
    const list = inView(example, state.step);
    const last = Math.max(...list.map((bar) => bar.end ?? bar.start), ...list.map((bar) => bar.start));
    const scale = axis(list.flatMap((bar) => [bar.start, bar.end ?? last]), Math.max(200, width - GUTTER - 30), state.stretched);
    const lanes = [...new Set(list.map((bar) => bar.process))].sort((a, b) => a - b);
    const bands = bandsIn(scale.sorted[0], last);
    const top = HEAD + lanes.length * HEIGHT;
    const bandNodes = [...new Set(bands.map((band) => band.node))].sort();
    const height = top + bandNodes.length * 18 + 10;
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Operations in real time" });
    svg.append(arrowHeads());
    const x = (time) => GUTTER + scale.x(time);
    const y = (bar) => HEAD + lanes.indexOf(bar.process) * HEIGHT;

    lanes.forEach((process, at) => svg.append(
      draw("line", { class: "lane", x1: 0, x2: width, y1: HEAD + at * HEIGHT + HEIGHT - 17, y2: HEAD + at * HEIGHT + HEIGHT - 17 }),
      draw("text", { class: "lane-name", x: 4, y: HEAD + at * HEIGHT + 16, text: `process ${process}` })));
    svg.append(drawBands(bands, bandNodes, x, top, width, last));
    svg.append(...ticks(scale, x, height));
    const under = new Map();
    list.forEach((bar) => {
      const later = list.filter((one) => one.process === bar.process && one.start > bar.start).map((one) => x(one.start) - 8);
      const room = { left: list.every((one) => one === bar || one.process !== bar.process), right: Math.min(width, ...later), under };
      svg.append(drawBar(bar, names.get(bar.invoke), x, y(bar), width, example, room));
    });
    const find = (index) => list.find((bar) => bar.invoke === index);
    const anchor = (bar) => ({ x: x(bar.start) + 14, y: y(bar) + 1, start: x(bar.start), end: x(bar.end ?? last) });
    example.edges.forEach((edge, at) => {
      const [from, to] = [find(edge.from), find(edge.to)];
      if (from && to) svg.append(drawEdge(anchor(from), anchor(to), edge, at, names));
    });
    if (example.attempt) svg.append(drawOrder(example.attempt, find, x, y, state.step));
    return svg;
  }

  function arrowHeads() {
    return draw("defs", {}, draw("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
      draw("path", { d: "M0 0 L8 4 L0 8 z", class: "arrow-head" })));
  }

  function ticks(scale, x, height) {
    const out = [];
    let right = -Infinity;
    scale.sorted.forEach((time) => {
      const at = x(time);
      out.push(draw("line", { class: "tick", x1: at, x2: at, y1: HEAD - 6, y2: height - 4 }));
      if (at - right > 74) {
        out.push(draw("text", { class: "tick-name", x: at, y: HEAD - 10, text: seconds(time, 4) }));
        right = at;
      }
    });
    return out;
  }

  function drawBands(bands, nodes, x, top, width, last) {
    const group = draw("g", { class: "bands" });
    nodes.forEach((node, at) => group.append(draw("text", { class: "lane-name", x: 4, y: top + at * 18 + 14, text: node })));
    for (const band of bands) {
      const look = faults.looks[band.kind];
      const y = top + nodes.indexOf(band.node) * 18;
      const from = x(band.from);
      const to = band.to === null || band.to > last ? width - 4 : x(band.to);
      group.append(draw("g", {},
        draw("rect", { class: `band ${look.shape} ${band.kind}`, x: from, y: y + 2, width: Math.max(2, to - from), height: 14, rx: 2 }),
        to - from > look.word.length * 6 ? draw("text", { class: "band-name", x: from + 4, y: y + 13, text: look.word }) : null,
        draw("title", { text: `${band.node} ${look.word} from ${seconds(band.from)} to ${band.to === null ? "the end" : seconds(band.to)}` })));
    }
    return group;
  }

  /** Its words stand inside, beside, or under it, where they cover nothing; else they are told when one points at it. */
  function drawBar(bar, name, x, y, width, example, room) {
    const from = x(bar.start);
    const open = bar.kind === "info";
    const to = open ? width - 6 : Math.max(from + 5, x(bar.end));
    const stuck = example.attempt && example.attempt.stuck.includes(bar.invoke);
    const text = `${name ? `${name} ` : ""}${words(bar)}`;
    const long = text.length * 7.2;
    const place = placeOf();
    function placeOf() {
      if (to - from > long + 12) return { class: "inside", x: from + 6, y: y + 17 };
      if (to + long + 8 < room.right) return { class: "beside", x: to + 5, y: y + 17 };
      if (room.left) return { class: "beside left", x: from - 5, y: y + 17 };
      if (from < (room.under.get(bar.process) ?? 0) || from + long > width) return null;
      room.under.set(bar.process, from + long);
      return { class: "beside", x: from, y: y + 36 };
    }
    const group = draw("g", { class: `bar ${bar.kind}${stuck ? " stuck" : ""}`, "data-op": String(bar.invoke) },
      draw("rect", { x: from, y: y + 2, width: to - from, height: 20, rx: 3 }),
      open ? draw("text", { class: "unknown", x: to - 12, y: y + 17, text: "?" }) : null,
      place ? draw("text", { ...place, text }) : null);
    return tells(group, describe(bar, name));
  }

  /** Between the facing sides of two bars; several between the same two lie beside each other. */
  function drawEdge(from, to, edge, at, names) {
    const text = `${names.get(edge.from) || `#${edge.from}`} before ${names.get(edge.to) || `#${edge.to}`}: ${edge.reason}`;
    // In one lane the gap between the bars is the edge.
    if (from.y === to.y && to.start > from.end) {
      return draw("g", { class: `edge ${edge.reason}` },
        draw("path", { d: `M${from.end} ${from.y + 11} L${to.start} ${from.y + 11}`, "marker-end": "url(#arrow)" }),
        draw("text", { x: (from.end + to.start) / 2, y: from.y + 25, "text-anchor": "middle", text: edge.reason }),
        draw("title", { text }));
    }
    const down = to.y >= from.y;
    const shift = at * 22;
    const start = { x: from.x + shift, y: from.y + (down ? 22 : 0) };
    const end = { x: to.x + shift, y: to.y + (down ? 0 : 22) };
    const middle = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 };
    // Shifted to the right, a line that falls to the right lies above the one beside it.
    const falls = (end.x - start.x) * (end.y - start.y) > 0;
    const above = (at % 2 === 1) === falls;
    return draw("g", { class: `edge ${edge.reason}` },
      draw("path", { d: `M${start.x} ${start.y} C${start.x} ${middle.y} ${end.x} ${middle.y} ${end.x} ${end.y}`, "marker-end": "url(#arrow)" }),
      draw("text", { x: middle.x, y: middle.y + (above ? -5 : 13), "text-anchor": "middle", text: edge.reason }),
      draw("title", { text }));
  }

  /** The points of the attempt, numbered, up to the step in view. */
  function drawOrder(attempt, find, x, y, step) {
    const group = draw("g", { class: "order" });
    let before = -Infinity;
    attempt.order.slice(0, step).forEach((one, at) => {
      const bar = find(one.operation);
      if (!bar) return;
      // An operation takes effect inside its bar, and after the ones before it in the order.
      const place = Math.max(x(bar.start) + 2, before + 3);
      before = place;
      group.append(
        draw("line", { class: "point", x1: place, x2: place, y1: y(bar), y2: y(bar) + 22 }),
        draw("circle", { class: "point", cx: place, cy: y(bar), r: 7 }),
        draw("text", { class: "point-name", x: place, y: y(bar) + 3, text: String(at + 1) }));
    });
    return group;
  }

  // -- the order that fails ------------------------------------------------------------------------------------

  function attempt(example, names, state, again) {
    const { order, stuck, initial, before } = example.attempt;
    const bar = (index) => example.operations.find((one) => one.invoke === index);
    const tell = (index) => {
      const found = bar(index);
      return `${names.get(index) || `#${index}`}${found ? ` ${words(found)}` : ""}`;
    };
    const rows = [
      ...(initial === undefined ? [] : [["", before > 0 ? `after ${before.toLocaleString("en")} operations` : "at the beginning", initial]]),
      ...order.map((one, at) => [String(at + 1), tell(one.operation), one.state ?? ""]),
    ];
    const list = make("ol", { class: "order-list", tabindex: "0", "aria-label": "The longest legal order, step by step; use the arrow keys" });
    rows.forEach(([number, what, after]) => list.append(make("li", { "data-number": number },
      make("span", { class: "number", text: number }), make("span", { text: what }),
      after === "" ? null : make("span", { class: "state", text: after }))));
    const now = rows.length > 0 ? rows[rows.length - 1][2] : "";
    function ending() {
      if (stuck.length === 0) return "here it ends";
      const state = now === "" ? "" : `: the state is ${now}`;
      const others = stuck.length > NEXT ? ` or one of ${stuck.length - NEXT} more in flight` : "";
      const next = `next has to come ${stuck.slice(0, NEXT).map(tell).join(" or ")}${others}`;
      return example.violation ? `${next}, and cannot${state}` : `${next}; here the check was stopped${state}`;
    }
    list.prepend(make("li", { class: "head", "aria-hidden": "true" }, make("span", { class: "number" }), make("span", { text: "operation" }), make("span", { class: "state", text: "state after it" })));
    list.append(make("li", { class: "stuck-line" }, make("span", { class: "number", text: example.violation ? "✗" : "?" }),
      make("span", { text: ending() })));

    const offset = initial === undefined ? 1 : 0;
    function mark() {
      [...list.querySelectorAll("li:not(.head)")].forEach((item, at) => {
        const number = at + offset;
        item.classList.toggle("later", number > state.step);
        const current = number === Math.min(state.step, rows.length + offset);
        item.classList.toggle("current", current);
        if (current) showIn(item);
      });
      again();
    }
    // A long list shows the step in view, and the page stays where it is.
    function showIn(item) {
      const [above, below] = [item.offsetTop - list.firstChild.offsetHeight, item.offsetTop + item.offsetHeight - list.clientHeight];
      list.scrollTop = Math.max(below, Math.min(list.scrollTop, above));
    }
    requestAnimationFrame(mark);
    const move = (by) => {
      state.step = Math.max(0, Math.min(order.length + 1, state.step + by));
      mark();
    };
    const keys = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    list.addEventListener("keydown", (event) => {
      if (keys[event.key]) {
        event.preventDefault();
        move(keys[event.key]);
      }
    });
    const button = (text, by, label) => make("button", { type: "button", text, "aria-label": label, onclick: () => move(by) });
    mark();
    return [
      make("div", { class: "controls" }, make("strong", { text: titleOf(example.attempt, example.violation) }),
        button("◀", -1, "one step back"), button("▶", 1, "one step on")),
      list, edgeList(example, names)];
  }

  function titleOf({ before, order }, violation) {
    if (violation) return "The longest legal order";
    return before > 0 ? `The longest legal order that was found: its last ${order.length} steps` : "The longest legal order that was found";
  }

  function edgeList(example, names) {
    if (example.edges.length === 0) return "";
    const line = (edge) => make("li", { text: `${names.get(edge.from) || `#${edge.from}`} before ${names.get(edge.to) || `#${edge.to}`}: ${edge.reason}` });
    return make("details", {}, make("summary", { text: "the edges of the proof" }), make("ul", {}, example.edges.map(line)));
  }

  examples.forEach((example, at) => root.append(drawExample(example, at)));

  /** From a bar or a name to the same operation everywhere else, and to the timeline. */
  root.addEventListener("pointerover", (event) => light(event.target.closest("[data-op]"), true));
  root.addEventListener("pointerout", (event) => light(event.target.closest("[data-op]"), false));
  root.addEventListener("click", (event) => {
    const found = event.target.closest("[data-op]");
    if (found && page.timelineGoTo) page.timelineGoTo(Number(found.dataset.op));
  });
  function light(element, on) {
    if (!element) return;
    root.querySelectorAll(`[data-op="${CSS.escape(element.dataset.op)}"]`).forEach((one) => one.classList.toggle("lit", on));
  }
};
