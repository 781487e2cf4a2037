"use strict";
// The storyboard of a guided schedule, drawn as the paper draws its figures, from what the nodes really held.

page.storyboard = () => {
  const { make, draw, seconds, tells, section, span } = page.dom;
  const mine = page.data.story;
  if (mine.cycles.length === 0) return;

  const other = page.data.other || null;
  const schedulesOf = (cycles) => [...new Set(cycles.map((one) => one.schedule))];
  const schedules = schedulesOf(mine.cycles);
  const MARK = { SPRUNG: "✗", REFUSED: "✓", CLOSED: "✓", SET: "✓", MISSED: "–", UNFINISHED: "…" };

  const about = mine.about.map(([name, text]) => (mine.about.length > 1 ? `${name}: ${text}` : text)).join("; ");
  const root = section("storyboard", `Storyboard: ${schedules.join(", ")}`,
    `${about}. The stages of each cycle, as they happened here.${mine.cycles.every((one) => one.index === undefined) ? ""
      : " The ring marks the place of the entry at stake: if its colour changes after somebody took it for committed, that is the bug."}`);

  // -- state ---------------------------------------------------------------------------------------------------
  let story = mine;
  let cycle = first(mine.cycles);
  let step = 0;

  /** What is worth seeing first: a trap that sprang, then any that was set. */
  function first(cycles) {
    const drawn = cycles.filter((one) => one.stages.length > 0);
    return drawn.find((one) => one.outcome === "SPRUNG")
      || drawn.find((one) => !["MISSED", "UNFINISHED"].includes(one.outcome))
      || drawn[0] || cycles[0];
  }

  // -- controls ------------------------------------------------------------------------------------------------
  const picker = make("div", { class: "picker", role: "listbox", "aria-label": "Cycles", tabindex: "0" });
  const rule = make("div", { class: "rule", role: "group", "aria-label": "Which of the two runs" });
  const title = make("h3", { class: "cycle-title" });
  const reason = make("p", { class: "cycle-reason" });
  const board = make("div", { class: "board", tabindex: "0", role: "group",
    "aria-label": "Panels of the cycle; left and right step through them, up and down change the cycle" });
  const telling = make("p", { class: "telling", "aria-live": "polite" });
  const legend = make("div", { class: "legend" });
  root.append(make("div", { class: "controls" }, rule, picker), title, reason, board, telling, legend);

  function drawPicker() {
    const groups = schedulesOf(story.cycles);
    picker.replaceChildren(...groups.flatMap((name) => {
      const chips = story.cycles.filter((one) => one.schedule === name).map(chip);
      if (groups.length === 1) return chips;
      return [make("div", { class: "group", role: "group", "aria-label": name },
        make("span", { class: "group-name", "aria-hidden": "true", text: name }), chips)];
    }));
    const chosen = picker.querySelector(".chosen");
    // Only the row itself scrolls, never the page.
    if (chosen) picker.scrollTop = chosen.offsetTop - picker.offsetTop - picker.clientHeight / 2;
  }

  function chip(one) {
    const missing = one.stages.length === 0;
    const end = one.fork ? ` ${one.fork.taken}` : "";
    const button = make("button", {
      type: "button", role: "option", tabindex: "-1", "aria-selected": String(one === cycle),
      class: `chip outcome-${one.outcome.toLowerCase()}${one === cycle ? " chosen" : ""}`,
      disabled: missing, title: missing ? `${one.outcome}: nothing was drawn. ${one.reason}` : `${one.outcome}: ${one.reason}`,
      text: `${one.cycle} ${MARK[one.outcome] || "·"}${end}`,
    });
    button.setAttribute("aria-label", `cycle ${one.cycle}${end}: ${one.outcome}`);
    button.addEventListener("click", () => choose(one));
    return button;
  }

  /** The rule that one of the two runs breaks, and which run stands on which side of the switch. */
  const sides = (() => {
    const head = page.data.head;
    const bugs = [...new Set([...head.bugs, ...(other ? other.head.bugs : [])])];
    const isOff = (one) => one.bugs.length > 0;
    const runs = [{ head, story: mine }, ...(other ? [other] : [])];
    if (other && isOff(head) === isOff(other.head)) {
      return { name: "run", choices: [["this one", runs[0]], ["the other", runs[1]]] };
    }
    return {
      name: bugs.length === 0 ? "Raft's rules" : `the rule that ${bugs.join(", ")} breaks`,
      choices: [["ON", runs.find((run) => !isOff(run.head))], ["OFF", runs.find((run) => isOff(run.head))]],
    };
  })();

  function drawRule() {
    const note = make("span", { class: "note" });
    const buttons = sides.choices.map(([text, run]) => {
      const chosen = run !== undefined && run.story === story;
      const button = make("button", {
        type: "button", "aria-pressed": String(chosen), class: chosen ? "chosen" : "", disabled: run === undefined, text,
      });
      button.addEventListener("click", () => {
        story = run.story;
        choose(sameEnd(story.cycles));
      });
      if (run === undefined) {
        note.textContent = text === "ON"
          ? "The correct node was not led through this: harness run … --control does that, too."
          : "No rule was switched off here: harness report RUN --compare OTHER shows a run in which one was.";
      }
      return button;
    });
    const shown = sides.choices.map(([, run]) => run).find((run) => run && run.story === story);
    if (shown && story !== mine) note.textContent = `In view: the run ${shown.head.run}, ${shown.head.verdict || "without a verdict"}.`;
    rule.replaceChildren(make("span", { class: "rule-name", text: sides.name }), ...buttons, note);
  }

  /** The cycle that tells the most beside the one in view: the same end of the story under the other rule. */
  function sameEnd(cycles) {
    const isAlike = (one) => one.schedule === cycle.schedule && one.fork?.taken === cycle.fork?.taken;
    const alike = cycles.filter((one) => isAlike(one) && one.stages.length > 0);
    return alike.length > 0 ? first(alike) : first(cycles);
  }

  function choose(one) {
    cycle = one;
    step = Math.max(0, cycle.stages.length - 1);
    redraw();
  }

  function move(by) {
    step = Math.max(0, Math.min(cycle.stages.length - 1, step + by));
    mark();
  }

  function change(by) {
    const drawn = story.cycles.filter((one) => one.stages.length > 0);
    const at = drawn.indexOf(cycle) + by;
    if (at >= 0 && at < drawn.length) choose(drawn[at]);
  }

  const KEYS = {
    ArrowRight: () => move(1), ArrowLeft: () => move(-1),
    ArrowDown: () => change(1), ArrowUp: () => change(-1),
    Home: () => move(-99), End: () => move(99),
  };
  for (const element of [board, picker]) {
    element.addEventListener("keydown", (event) => {
      if (KEYS[event.key] && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.preventDefault();
        KEYS[event.key]();
      }
    });
  }

  // -- the picture ---------------------------------------------------------------------------------------------
  const ROW = 40;
  const TOP = 8;
  const LEFT = 146;
  const STRIP = 132;
  const BOX = 30;
  const SLOTS = 4;

  /** The paper's name of a term: T2 … T5; none for a term that plays no part. */
  function partOf(term) {
    const found = Object.entries(cycle.terms).find(([, number]) => number === term);
    return found ? found[0] : null;
  }

  /** The look of a term. Where the paper gives it no name, terms take their looks in the order in which they come. */
  function lookOf(term) {
    const part = partOf(term);
    if (part) return part.toLowerCase();
    if (Object.keys(cycle.terms).length > 0) return "other";
    const terms = cycle.stages.flatMap((stage) => stage.servers.flatMap((server) => server.log.map((entry) => entry[1])));
    const order = [...new Set(terms)].sort((a, b) => a - b);
    return `t${2 + (order.indexOf(term) % 4)}`;
  }

  function cutBetween(stage, a, b) {
    const has = (from, to) => stage.cut.some((link) => link[0] === from && link[1] === to);
    return [has(a, b), has(b, a)];
  }

  function isAlone(stage, node) {
    const others = stage.servers.map((server) => server.node).filter((name) => name !== node);
    return others.length > 0 && others.every((name) => cutBetween(stage, node, name).every(Boolean));
  }

  function stateOf(stage, server) {
    if (server.process === "down") return { text: "killed", kind: "out", mark: "✕" };
    if (server.process === "paused") return { text: "paused", kind: "out", mark: "❚❚" };
    if (server.process === "starting") return { text: "starting", kind: "out", mark: "…" };
    const term = server.term === undefined ? "" : ` ${partOf(server.term) || `term ${server.term}`}`;
    const alone = isAlone(stage, server.node);
    const role = { leader: "leads", candidate: "campaigns", follower: "follows" }[server.role] || "silent";
    if (alone) return { text: `cut off, ${role}${term}`, kind: "out", mark: "✂" };
    return { text: `${role}${term}`, kind: server.role === "leader" ? "leader" : "in", mark: server.role === "leader" ? "★" : "" };
  }

  function drawEntry(x, y, entry, server) {
    const [index, term, hash] = entry;
    const part = partOf(term);
    const committed = server.commit !== undefined && index <= server.commit;
    const look = lookOf(term);
    return draw("g", { class: `entry ${look}${committed ? " committed" : ""}` },
      draw("rect", { x, y, width: BOX - 4, height: 24, rx: 3 }),
      look === "other" ? null : draw("rect", { x, y, width: BOX - 4, height: 24, rx: 3, fill: `url(#pattern-${look})` }),
      draw("text", { x: x + (BOX - 4) / 2, y: y + 16, text: part || String(term) }),
      draw("title", { text: `index ${index}, term ${term}${part ? ` (${part})` : ""}, hash ${hash}${committed ? ", committed here" : ""}` }));
  }

  function drawRow(stage, part, node, at, from) {
    const y = TOP + at * ROW;
    const server = stage.servers.find((one) => one.node === node);
    if (!server) return null;
    const state = stateOf(stage, server);
    const slots = server.log.filter((entry) => entry[0] >= from && entry[0] < from + SLOTS);
    const more = server.more + server.log.filter((entry) => entry[0] >= from + SLOTS).length;
    const row = draw("g", { class: `server ${state.kind}` },
      draw("rect", { class: "ground", x: 0, y: y - 4, width: LEFT + STRIP + 4, height: ROW - 4, rx: 4 }),
      draw("text", { class: "part", x: 6, y: y + 12, text: part || node }),
      draw("text", { class: "node", x: 28, y: y + 12, text: part ? node : partsOf(node) }),
      draw("text", { class: "state", x: 6, y: y + 26, text: `${state.mark} ${shortState(state)}`.trim() }));
    slots.forEach((entry) => row.append(drawEntry(LEFT + (entry[0] - from) * BOX, y, entry, server)));
    if (more > 0) row.append(draw("text", { class: "node", x: LEFT + SLOTS * BOX + 1, y: y + 16, text: `+${more}` }));
    if (cycle.index !== undefined) row.append(drawRing(server, y, from));
    return tells(row, describe(stage, part, server, state));
  }

  /** Where the rows have no names of the paper, a row says which parts its node plays. */
  const partsOf = (node) => cycle.cast.filter(([, one]) => one === node).map(([part]) => part).join(" ");

  /** So that it ends before the log begins; the whole of it is told on hover. */
  const shortState = (state) => state.text.replace("cut off, ", "cut, ").replace(" term ", " t. ");

  /** Around the place of the entry at stake: whole where an entry stands, dashed where there is none. */
  function drawRing(server, y, from) {
    const holds = server.log.some((entry) => entry[0] === cycle.index);
    return draw("rect", {
      class: holds ? "ring" : "ring empty", x: LEFT + (cycle.index - from) * BOX - 3, y: y - 3, width: BOX + 2, height: 30, rx: 7,
    });
  }

  function describe(stage, part, server, state) {
    const log = server.log.map(([index, term]) => `${index}:${partOf(term) || `term ${term}`}`).join(" ");
    return [
      `${part ? `${part} is ` : ""}${server.node}: ${state.text}`,
      server.commit === undefined ? "its status could not be asked" : `commit index ${server.commit}`,
      `log ${log || "(nothing shown)"}${server.more > 0 ? ` and ${server.more} more` : ""}`,
      `at ${seconds(stage.t)}`,
    ];
  }

  /** Who can talk to whom: the nodes on a circle, a line where both directions pass, an arrow where one does. */
  function drawNet(stage) {
    const rows = rowsOf();
    const centre = { x: 42, y: 42 };
    const place = rows.map((_, at) => {
      const angle = (at / rows.length) * 2 * Math.PI - Math.PI / 2;
      return { x: centre.x + 31 * Math.cos(angle), y: centre.y + 31 * Math.sin(angle) };
    });
    const net = draw("svg", { class: "net", viewBox: "0 0 84 84", width: 84, height: 84, role: "img", "aria-label": netWords(stage) });
    rows.forEach(([, a], i) => rows.forEach(([, b], j) => {
      if (j <= i) return;
      const [there, back] = cutBetween(stage, a, b);
      const kind = there && back ? "cut" : there || back ? "half" : "open";
      net.append(draw("line", { class: `link ${kind}`, x1: place[i].x, y1: place[i].y, x2: place[j].x, y2: place[j].y }));
    }));
    rows.forEach(([part, node], at) => {
      const server = stage.servers.find((one) => one.node === node);
      const kind = server ? stateOf(stage, server).kind : "out";
      net.append(
        draw("circle", { class: `dot ${kind}`, cx: place[at].x, cy: place[at].y, r: 9 }),
        draw("text", { x: place[at].x, y: place[at].y + 3, text: part || node }));
    });
    net.append(draw("title", { text: netWords(stage) }));
    return net;
  }

  function netWords(stage) {
    const pairs = [];
    const names = stage.servers.map((server) => server.node);
    names.forEach((a, at) => names.slice(at + 1).forEach((b) => {
      const [there, back] = cutBetween(stage, a, b);
      if (!there && !back) pairs.push(`${a}–${b}`);
    }));
    return `open links: ${pairs.length > 0 ? pairs.join(", ") : "none"}`;
  }

  function rowsOf() {
    return cycle.rows.filter(([, node]) => cycle.stages.some((stage) => stage.servers.some((server) => server.node === node)));
  }

  function drawBadge(badge, of) {
    const sum = `on ${badge.holders.length} of ${of}; P = ${badge.P}`;
    const how = badge.lit
      ? `taken for committed by ${badge.seen_by.join(" and ")}`
      : `held ${badge.held_ms} ms, and nobody took it for committed`;
    return make("div", { class: `badge ${badge.lit ? "lit" : "dark"}` },
      make("strong", { text: badge.lit ? "commit? YES" : "commit? no" }), make("span", { text: sum }), make("span", { text: how }));
  }

  function drawPanel(stage, at) {
    const rows = rowsOf();
    const shown = stage.servers.flatMap((server) => server.log.map((entry) => entry[0]));
    const from = cycle.index !== undefined ? cycle.index - 1 : Math.max(0, Math.min(...shown, Infinity), Math.max(0, ...shown) - SLOTS + 1);
    const svg = draw("svg", {
      class: "servers", viewBox: `0 0 ${LEFT + STRIP + 24} ${TOP * 2 + rows.length * ROW}`, role: "group",
      "aria-label": `Servers at ${seconds(stage.t)}`,
    });
    svg.append(patterns());
    if (cycle.index !== undefined) {
      svg.append(draw("text", { class: "axis", x: LEFT + BOX + 13, y: TOP * 2 + rows.length * ROW - 4, text: `index ${cycle.index}` }));
    }
    rows.forEach(([part, node], place) => svg.append(drawRow(stage, part, node, place, from) || ""));
    const panel = make("figure", { class: "panel", "data-panel": stage.stage, "data-step": String(at) },
      make("figcaption", {}, make("strong", { text: `(${stage.stage})` }), ` ${stage.title || ""}`,
        make("span", { class: "time", text: seconds(stage.t) })),
      rows.length > 0 && stage.servers.length > 0 ? svg : make("p", { class: "note", text: "No picture was taken of this moment." }),
      make("div", { class: "below" }, stage.servers.length > 0 ? drawNet(stage) : null,
        stage.badge ? drawBadge(stage.badge, rows.length) : verdictOf(stage)),
      stage.title ? null : make("p", { class: "note", text: stage.what }));
    panel.addEventListener("click", () => { step = at; mark(); });
    return panel;
  }

  /** Under the last panel: what it came to. */
  function verdictOf(stage) {
    if (stage !== cycle.stages[cycle.stages.length - 1]) return null;
    return make("div", { class: `badge end outcome-${cycle.outcome.toLowerCase()}` },
      make("strong", { text: `${MARK[cycle.outcome] || ""} ${cycle.outcome}` }), endWords(stage));
  }

  function endWords(stage) {
    if (cycle.index === undefined) return null;
    const holders = new Map();
    for (const server of stage.servers) {
      const entry = server.log.find((one) => one[0] === cycle.index);
      const held = entry ? partOf(entry[1]) || `term ${entry[1]}` : "nothing";
      holders.set(held, (holders.get(held) || 0) + 1);
    }
    const stands = [...holders].sort((a, b) => b[1] - a[1]).map(([held, count]) => `${held} on ${count}`);
    return make("span", { text: `index ${cycle.index} now: ${stands.join(", ")}` });
  }

  /** The end that this cycle did not take, and where it was taken. */
  function otherFork() {
    const reached = (one, end) => one.schedule === cycle.schedule && one.stages.some((stage) => stage.stage === end);
    if (!cycle.fork || !reached(cycle, cycle.fork.taken)) return null;
    const { other: untaken, instead } = cycle.fork;
    const there = story.cycles.find((one) => reached(one, untaken));
    return make("figure", { class: "panel ghost" },
      make("figcaption", {}, make("strong", { text: `(${untaken})` }), ": the other fork"),
      make("p", { text: instead }),
      there ? make("button", { type: "button", text: `cycle ${there.cycle} took it: ${there.outcome}`, onclick: () => choose(there) })
        : make("p", { class: "note", text: "No cycle of this run took it to its end." }));
  }

  /** Terms are told apart without colour as well: by label, and by the pattern on the entry. */
  function patterns() {
    const hatch = (id, ...lines) => draw("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, lines);
    const line = (x1, y1, x2, y2) => draw("line", { x1, y1, x2, y2, class: "hatch" });
    return draw("defs", {},
      hatch("pattern-t2"),
      hatch("pattern-t3", line(0, 8, 8, 0), line(-2, 2, 2, -2), line(6, 10, 10, 6)),
      hatch("pattern-t4", draw("circle", { cx: 2, cy: 2, r: 1.1, class: "spot" }), draw("circle", { cx: 6, cy: 6, r: 1.1, class: "spot" })),
      hatch("pattern-t5", line(0, 2, 8, 2), line(0, 6, 8, 6)));
  }

  function drawLegend() {
    const entry = (part, text) => {
      const svg = draw("svg", { width: 30, height: 24, viewBox: "0 0 30 24", "aria-hidden": "true" }, patterns(),
        draw("g", { class: `entry ${part.toLowerCase()}` }, draw("rect", { x: 1, y: 1, width: 26, height: 22, rx: 3 }),
          draw("rect", { x: 1, y: 1, width: 26, height: 22, rx: 3, fill: `url(#pattern-${part.toLowerCase()})` }),
          draw("text", { x: 14, y: 16, text: part })));
      return make("span", {}, svg, ` ${text}`);
    };
    const terms = Object.entries(cycle.terms).map(([part, term]) => entry(part, `term ${term}`));
    const cast = cycle.cast.map(([part, node]) => `${part} = ${node}`).join(", ");
    legend.replaceChildren(...terms,
      make("span", { text: "underlined: committed on that server" }),
      make("span", { text: cast ? `cast: ${cast}` : "" }),
      make("span", { text: "keys: ← → panels, ↑ ↓ cycles" }));
  }

  function mark() {
    for (const panel of board.querySelectorAll("[data-step]")) {
      const current = Number(panel.dataset.step) === step;
      panel.classList.toggle("current", current);
      panel.classList.toggle("later", Number(panel.dataset.step) > step);
      if (current) panel.setAttribute("aria-current", "step");
      else panel.removeAttribute("aria-current");
    }
    const stage = cycle.stages[step];
    telling.textContent = stage ? `(${stage.stage}) ${stage.what}` : "";
  }

  function redraw() {
    drawPicker();
    drawRule();
    const many = schedulesOf(story.cycles).length > 1;
    title.textContent = `${many ? `${cycle.schedule}, cycle` : "Cycle"} ${cycle.cycle}: ${cycle.outcome}${cycle.key ? `, key ${cycle.key}` : ""}`;
    reason.textContent = `${cycle.reason}. From ${seconds(cycle.from)}, ${span(cycle.to - cycle.from)}.`;
    const panels = cycle.stages.map(drawPanel);
    const ghost = otherFork();
    // The two ends of the story share the last column.
    board.replaceChildren(...(ghost ? [...panels.slice(0, -1), make("div", { class: "fork" }, panels.slice(-1), ghost)] : panels));
    drawLegend();
    mark();
  }

  choose(cycle);
  if (story.drawn < story.cycles.length) {
    root.append(make("p", { class: "note",
      text: `${story.drawn} of ${story.cycles.length} cycles are drawn; harness inspect RUN --cycle N shows any of them.` }));
  }
};
