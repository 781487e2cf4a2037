"use strict";
// Every fault: when it was planned, whether it was in force, what proves it, what undid it.

page.evidence = () => {
  const { make, seconds, span, section, number } = page.dom;
  const { faults, head } = page.data;
  const root = section("evidence", "Evidence",
    "Each thing that the nemesis did. A pass needs faults that really happened; here is what proves them.");
  const armed = head.checks.find((check) => check.name === "armed");
  if (armed) root.append(make("p", {}, make("strong", { text: `armed: ${armed.verdict}. ` }), armed.reason));
  if (faults.of === 0) {
    root.append(make("p", { class: "note", text: "The nemesis did nothing." }));
    return;
  }

  const PAGE = 200;
  let shown = PAGE;
  const filter = make("input", { type: "search", placeholder: "kill, n3, skipped …", "aria-label": "Filter the effects" });
  const body = make("tbody");
  const says = make("span", { class: "note", "aria-live": "polite" });
  const more = make("button", { type: "button", text: "show more", onclick: () => {
    shown += 1000;
    fill();
  } });

  function row(effect) {
    const undone = effect.undone ? `by #${effect.undone[0]} at ${seconds(effect.undone[1])}` : "";
    const what = effect.what.length > 60
      ? make("details", {}, make("summary", { text: `${effect.what.slice(0, 50)}…` }), effect.what) : effect.what;
    const proof = effect.proof.length > 120
      ? make("details", {}, make("summary", { text: `${effect.proof.slice(0, 100)}…` }), effect.proof) : effect.proof;
    return make("tr", { class: effect.outcome },
      make("td", { text: `#${effect.id}` }),
      make("td", { text: seconds(effect.planned) }),
      make("td", {}, make("strong", { text: effect.word }), " ", what, effect.choice ? make("div", { class: "note", text: effect.choice }) : null),
      make("td", { text: `${effect.outcome}, ${span(effect.done - effect.planned)} later` }),
      make("td", {}, proof),
      make("td", { text: undone }));
  }

  function fill() {
    const words = filter.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const matching = faults.effects.filter((effect) => {
      const text = `${effect.word} ${effect.what} ${effect.outcome} ${effect.proof} ${effect.choice || ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    body.replaceChildren(...matching.slice(0, shown).map(row));
    const left = faults.of > faults.effects.length ? `; the page keeps ${number(faults.effects.length)} of ${number(faults.of)}, nemesis.jsonl has them all` : "";
    says.textContent = `${number(matching.length)} effects, ${number(Math.min(shown, matching.length))} shown${left}`;
    more.hidden = matching.length <= shown;
  }

  filter.addEventListener("input", () => {
    shown = PAGE;
    fill();
  });
  root.append(make("div", { class: "controls" }, filter, says),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Effects" },
      make("table", { class: "effects" },
        make("thead", {}, make("tr", {}, ["", "planned", "effect", "outcome", "proof", "undone"].map((text) => make("th", { scope: "col", text })))), body)),
    more);
  fill();
};
