"use strict";
// Elements and words. Text goes into the page as text, never as markup: what a history says can do nothing here.

page.dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "text") element.textContent = value;
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of (children || []).flat(Infinity)) {
      if (child === null || child === undefined || child === false) continue;
      element.append(child);
    }
    return element;
  }

  const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  /** A time since the run began. */
  function seconds(micros, digits = 3) {
    return `${(micros / 1e6).toFixed(digits)} s`;
  }

  /** How long something took, as shortly as it can be said. */
  function span(micros) {
    if (!Number.isFinite(micros)) return "open";
    if (micros < 1000) return `${Math.round(micros)} µs`;
    if (micros < 1e6) return `${(micros / 1000).toFixed(micros < 1e4 ? 2 : 1)} ms`;
    return `${(micros / 1e6).toFixed(2)} s`;
  }

  function bytes(count) {
    if (count < 1000) return `${count} B`;
    if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
    return `${(count / 1e6).toFixed(1)} MB`;
  }

  const number = (count) => count.toLocaleString("en-US");

  const colours = new Map();
  /** A colour of the style sheet, which knows whether it is dark. To ask the sheet is slow, so each is asked for once. */
  function colour(name) {
    if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
    return colours.get(name);
  }

  /** The head of a section, and its entry in the contents. */
  function section(id, title, about) {
    const element = document.getElementById(id);
    element.hidden = false;
    element.append(make("h2", { id: `${id}-title`, text: title }), make("p", { class: "about", text: about }));
    document.getElementById("contents").append(make("a", { href: `#${id}`, text: title }));
    return element;
  }

  const tip = document.getElementById("tip");

  /** Shows lines of text beside the pointer, or beside an element that has the focus. */
  function showTip(lines, x, y) {
    tip.replaceChildren(...lines.map((line) => make("div", { text: line })));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - box.height - 8))}px`;
  }

  const hideTip = () => { tip.hidden = true; };

  /** Lets an element tell more about itself to a pointer, to the keyboard and to a screen reader. */
  function tells(element, lines) {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", lines.join("; "));
    element.addEventListener("pointermove", (event) => showTip(lines, event.clientX, event.clientY));
    element.addEventListener("pointerleave", hideTip);
    element.addEventListener("focus", () => {
      const box = element.getBoundingClientRect();
      showTip(lines, box.left, box.bottom);
    });
    element.addEventListener("blur", hideTip);
    return element;
  }

  /** Call it now and whenever the width of the element changes. */
  function onResize(element, act) {
    let width = 0;
    new ResizeObserver(() => {
      const now = element.clientWidth;
      if (now !== width && now > 0) {
        width = now;
        act(now);
      }
    }).observe(element);
  }

  /** A canvas of this size in CSS pixels, sharp on every screen, with the pen in CSS pixels. */
  function pen(canvas, width, height) {
    const ratio = Math.min(devicePixelRatio || 1, 3);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  const redraws = [];
  /** Draw again when dark becomes light. */
  const onColours = (act) => redraws.push(act);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours.clear();
    redraws.forEach((act) => act());
  });

  return { make, draw, seconds, span, bytes, number, colour, section, tells, showTip, hideTip, onResize, pen, onColours };
})();
