"use strict";
// Latency and rate over time, and lists of what was out for how long. Drawn with uPlot (MIT), which is in this file.

page.plots = () => {
  const { make, seconds, span, number, bytes, colour, section, onResize, onColours } = page.dom;
  const { plots, faults, horizon, plain, deltas, OUTCOMES } = page.data;
  const root = section("plots", "Latency, rate, outages",
    "Over the whole run. Bands are faults that hit all of a node: its process, all of its links, or all of its clients.");

  const ok = plain(plots.ok);
  const xs = Array.from(ok, (_, at) => ((at + 0.5) * plots.width) / 1e6);
  const rate = (column) => Array.from(plain(column), (count) => (count * 1e6) / plots.width);
  /** Milliseconds; nothing where nothing succeeded. */
  const latency = (column) => Array.from(plain(column), (took) => (took === 0 ? null : Math.max(took - 1, 1) / 1000));

  const dots = (() => {
    const time = deltas(plots.dot_time, plots.dots);
    const packed = plain(plots.dot_took, plots.dots);
    return { time, took: packed.map((one) => Math.floor(one / 4)), outcome: packed.map((one) => one % 4) };
  })();

  /** Behind the lines: faults as bands. */
  function bands(u) {
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    for (const band of faults.bands) {
      if (band.part[0] !== band.part[1]) continue;
      const from = u.valToPos(band.from / 1e6, "x", true);
      const to = u.valToPos((band.to ?? horizon) / 1e6, "x", true);
      ctx.globalAlpha = 0.16;
      ctx.fillStyle = colour(`fault-${band.kind}`);
      ctx.fillRect(from, u.bbox.top, Math.max(1, to - from), u.bbox.height);
    }
    ctx.restore();
  }

  function drawDots(u) {
    const { ctx } = u;
    const paint = OUTCOMES.map(colour);
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.globalAlpha = 0.5;
    for (let at = 0; at < plots.dots; at += 1) {
      ctx.fillStyle = paint[dots.outcome[at]];
      ctx.fillRect(u.valToPos(dots.time[at] / 1e6, "x", true), u.valToPos(Math.max(dots.took[at], 1) / 1000, "y", true), 1.5, 1.5);
    }
    ctx.restore();
  }

  const axes = (label) => {
    const style = { stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
    return [{ ...style, values: (_, splits) => splits.map((at) => `${at} s`) }, { ...style, label, size: 64 }];
  };
  const line = (label, name, more) => ({ label, stroke: colour(name), width: 1.5, spanGaps: false, points: { show: false }, ...more });

  const holders = [];
  function plot(title, about, options) {
    const holder = make("div", { class: "plot", role: "img", "aria-label": `${title}. ${about}` });
    root.append(make("h3", { text: title }), make("p", { class: "about", text: about }), holder);
    const build = () => {
      holder.replaceChildren();
      const { series, data, scales, label, hooks } = options();
      holders.push(new uPlot({
        width: Math.max(300, holder.clientWidth), height: 220, series: [{ label: "time", value: (_, at) => (at === null ? "–" : `${at.toFixed(2)} s`) }, ...series],
        axes: axes(label), scales, hooks, legend: { live: true }, cursor: { sync: { key: "run" } },
      }, data, holder));
    };
    onResize(holder, build);
    onColours(build);
  }

  const quantiles = plots.quantiles.map((took, at) => `${["p50", "p95", "p99", "p99.9", "max"][at]} ${span(took)}`).join(", ");
  plot("Latency", `Of what succeeded over the whole run: ${quantiles || "nothing did"}. Dots are single operations. Drag to zoom, double-click for all.`, () => ({
    label: "ms",
    scales: { x: { time: false }, y: { distr: 3, range: (_, low, high) => [Math.max(0.01, low / 2), high * 2] } },
    data: [xs, latency(plots.p50), latency(plots.p95), latency(plots.p99), latency(plots.max)],
    series: [line("p50", "leader"), line("p95", "candidate", { dash: [6, 3] }), line("p99", "culprit", { dash: [2, 3] }), line("max", "faint", { width: 1 })]
      .map((one) => ({ ...one, value: (_, took) => (took === null ? "–" : `${took.toFixed(2)} ms`) })),
    hooks: { drawAxes: [bands, drawDots] },
  }));
  plot("Rate", "Operations that ended in a second, by outcome.", () => ({
    label: "1/s",
    scales: { x: { time: false }, y: { range: (_, __, high) => [0, Math.max(1, high * 1.1)] } },
    data: [xs, rate(plots.ok), rate(plots.fail), rate(plots.info)],
    series: [line("ok", "ok"), line("fail", "fail", { dash: [6, 3] }), line("info", "info", { dash: [2, 3], width: 2 })]
      .map((one) => ({ ...one, value: (_, count) => (count === null ? "–" : `${number(Math.round(count))}/s`) })),
    hooks: { drawAxes: [bands] },
  }));

  // -- lists ---------------------------------------------------------------------------------------------------

  function table(caption, head, rows, empty) {
    if (rows.length === 0) return make("div", { class: "list" }, make("h3", { text: caption }), make("p", { class: "note", text: empty }));
    return make("div", { class: "list" }, make("h3", { text: caption }), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      make("table", {}, make("thead", {}, make("tr", {}, head.map((text) => make("th", { scope: "col", text })))), make("tbody", {}, rows))));
  }

  const jump = (from, to) => make("button", { type: "button", class: "link", text: seconds(from), title: "show it in the timeline", onclick: () => {
    const room = Math.max(20000, (to - from) * 0.5);
    page.timelineLook(from - room, to + room);
    document.getElementById("timeline").scrollIntoView();
  } });
  const bar = (part) => {
    const meter = make("span", { class: "meter", "aria-hidden": "true" });
    meter.style.width = `${Math.max(1, Math.round(part * 100))}px`;
    return meter;
  };
  const longest = Math.max(1, ...plots.outages.map((one) => one.to - one.from));
  const outages = plots.outages.map((one) => make("tr", {}, make("td", {}, jump(one.from, one.to)), make("td", {}, bar((one.to - one.from) / longest), ` ${span(one.to - one.from)}`)));
  const slowest = Math.max(1, ...plots.recoveries.map((one) => one.took ?? 0));
  const recoveries = plots.recoveries.map((one) => make("tr", {}, make("td", {}, jump(one.healed, one.healed + (one.took ?? 1e5))),
    make("td", {}, one.took === null ? "nothing succeeded any more" : [bar(one.took / slowest), ` ${span(one.took)}`])));
  root.append(make("div", { class: "lists" },
    table("Outages", ["from", "without a success"], outages, "Never 100 ms without a success while operations could begin."),
    table("Recoveries", ["healed", "until an operation that began after it succeeded"], recoveries, "Nothing was healed."),
    links()));

  /** From each node to each: bytes that arrived, and what a cut swallowed. */
  function links() {
    const names = page.data.nodes;
    const most = Math.max(1, ...faults.links.map((one) => one.passing.delivered.bytes));
    const cell = (from, to) => {
      const one = faults.links.find((link) => link.link[0] === from && link.link[1] === to);
      if (from === to || !one) return make("td", { class: "none", text: from === to ? "" : "–" });
      const element = make("td", {}, make("span", { text: bytes(one.passing.delivered.bytes) }),
        one.cut.offered.bytes > 0 ? make("span", { class: "lost", text: `✂ ${bytes(one.cut.offered.bytes - one.cut.delivered.bytes)}` }) : null);
      element.style.setProperty("--heat", `${Math.round((one.passing.delivered.bytes / most) * 60)}%`);
      element.title = `${from} to ${to}: ${bytes(one.passing.delivered.bytes)} delivered; while cut ${bytes(one.cut.offered.bytes)} offered, ${bytes(one.cut.delivered.bytes)} delivered`;
      return element;
    };
    if (faults.links.length === 0) return table("Bytes per link", [], [], "No rule of a link was ever changed, so nothing was counted.");
    const rows = names.map((from) => make("tr", {}, make("th", { scope: "row", text: from }), names.map((to) => cell(from, to))));
    const list = table("Bytes per link", ["from \\ to", ...names], rows, "");
    list.append(make("p", { class: "note", text: "As counted up to the last change of the link's rule. ✂: swallowed while the link was cut." }));
    list.classList.add("links");
    return list;
  }
};
