"use strict";
// The verdict, each check with its reason, and how to run it again.

page.headline = () => {
  const { make, number } = page.dom;
  const { head } = page.data;
  const MARK = { pass: "✓", violation: "✗", inconclusive: "?" };
  const settings = head.settings;
  const other = page.data.other || null;
  const isControl = other !== null && head.bugs.length > 0 && other.head.bugs.length === 0;

  const verdict = head.verdict || "no verdict";
  document.title = `${verdict}: ${settings.nemesis} on ${settings.system}, seed ${settings.seed}`;

  function about() {
    const words = [`${settings.nemesis} on ${settings.nodes} nodes of ${settings.system}`];
    if (settings.profile) words.push(`profile ${settings.profile}`);
    if (head.bugs.length > 0) words.push(`with the bug ${head.bugs.join(", ")}`);
    words.push(`seed ${settings.seed}`);
    return words.join(" · ");
  }

  function warnings() {
    const words = [];
    if (!head.verdict) words.push("No verdict was saved. `harness check` judges what the run left.");
    if (!head.finished) words.push("The run was cut short, or was not over when this was drawn: this is what it had left by then.");
    if (head.interrupted) words.push("The user ended the load early.");
    if (isControl && other.head.verdict !== "pass") {
      words.push(`The control, the correct node under the same schedule, did not pass (${other.head.verdict || "no verdict"}): `
        + "what is seen here may not come from the bug.");
    }
    return words.map((text) => make("p", { class: "warning", text }));
  }

  function checks() {
    const row = (check) => make("tr", { class: check.verdict },
      make("th", { scope: "row", text: check.name }),
      make("td", { class: "verdict" }, make("span", { class: "mark", "aria-hidden": "true", text: MARK[check.verdict] || "?" }), ` ${check.verdict}`),
      make("td", { text: check.reason }));
    return make("table", { class: "checks" },
      make("caption", { text: "The verdict is the worst of these checks." }),
      make("thead", {}, make("tr", {}, ["check", "verdict", "why"].map((text) => make("th", { scope: "col", text })))),
      make("tbody", {}, head.checks.map(row),
        head.not_applicable.map((check) => row({ ...check, verdict: "not applicable" }))));
  }

  function cycles() {
    const all = page.data.story.cycles;
    const schedules = [...new Set(all.map((cycle) => cycle.schedule))];
    const words = schedules.flatMap((schedule) => {
      const counts = {};
      for (const cycle of all) if (cycle.schedule === schedule) counts[cycle.outcome] = (counts[cycle.outcome] || 0) + 1;
      const name = schedules.length > 1 ? `${schedule}: ` : "";
      return Object.entries(counts).map(([outcome, count]) =>
        make("span", { class: `chip outcome-${outcome.toLowerCase()}`, text: `${name}${count} ${outcome}` }));
    });
    return words.length === 0 ? null : [make("dt", { text: "cycles" }), make("dd", {}, words)];
  }

  function again() {
    const command = make("code", { text: head.again });
    const button = make("button", { type: "button", text: "copy" });
    button.addEventListener("click", () => {
      getSelection().selectAllChildren(command);
      // A page from a file may not have the clipboard; then the selected text is there to be copied.
      const done = navigator.clipboard ? navigator.clipboard.writeText(head.again) : Promise.reject(new Error("none"));
      done.then(() => { button.textContent = "copied"; }, () => { button.textContent = "selected"; });
    });
    return [make("dt", { text: "again" }), make("dd", { class: "again" }, command, button)];
  }

  function facts() {
    const fact = (name, text) => (text ? [make("dt", { text: name }), make("dd", { text })] : null);
    const count = head.operations || {};
    const operations = head.operations
      ? `${number(count.ok)} ok, ${number(count.fail)} fail, ${number(count.info)} unknown; ${number(count.per_second)} a second`
      : `${number(page.data.operations.of)} begun`;
    return make("dl", { class: "facts" },
      cycles(),
      fact("operations", operations),
      fact("longest outage", head.verdict ? `${head.outage_longest_ms} ms` : null),
      again(),
      fact("run", `${head.run}, began ${head.began}`),
      other ? fact(isControl ? "control" : "beside it", `${other.head.verdict || "no verdict"}: ${other.head.run}, ${other.head.again}`) : null,
      fact("versions", [`harness ${head.version}`, ...head.binaries.map(([name, hash]) => `${name} ${hash}`)].join(" · ")),
      fact("host", `${head.host.os}, kernel ${head.host.kernel}, ${head.host.cores} cores`));
  }

  document.getElementById("headline").append(
    make("div", { class: `banner ${head.verdict || "none"}` },
      make("h1", { id: "verdict", tabindex: "-1" },
        make("span", { class: "mark", "aria-hidden": "true", text: MARK[head.verdict] || "–" }), ` ${verdict.toUpperCase()}`),
      make("p", { text: about() })),
    ...warnings(),
    head.checks.length > 0 ? checks() : "",
    facts());
};
