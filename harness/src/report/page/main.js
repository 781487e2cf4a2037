"use strict";
// Every part by itself: one that cannot be drawn says so, and the others stand.

(() => {
  const failures = [];
  for (const part of ["headline", "storyboard", "counterexample", "timeline", "plots", "evidence"]) {
    try {
      page[part]();
    } catch (error) {
      failures.push(part);
      console.error(part, error);
      document.querySelector("main").prepend(
        page.dom.make("p", { class: "warning", text: `The ${part} could not be drawn: ${error}` }));
    }
  }
  // Tests and scripts wait for this.
  document.documentElement.dataset.drawn = failures.length === 0 ? "yes" : failures.join(" ");
})();
