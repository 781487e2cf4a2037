"use strict";
// What somebody looks for among the operations.

/** The tests that `k7`, `12`, `#315`, `process:3` or `node:n2` ask for; an operation is found if it passes all. */
page.search = (text) => text.trim().split(/\s+/).filter(Boolean).map((word) => {
  const [, field, rest] = /^(key|value|index|process|node|error|f):(.+)$/.exec(word) || [];
  const bare = rest ?? word;
  const quoted = JSON.stringify(bare);
  const same = (one) => one !== null && one !== undefined && (one === bare || one === quoted || String(one) === bare);
  const by = {
    key: (op) => same(op.key), value: (op) => same(op.argument) || same(op.result),
    index: (op) => same(op.index) || same(op.completion), process: (op) => same(op.process),
    node: (op) => same(op.node), error: (op) => same(op.error), f: (op) => same(op.f),
  };
  if (field) return by[field];
  if (/^#\d+$/.test(word)) {
    const index = Number(word.slice(1));
    return (op) => op.index === index || op.completion === index;
  }
  return (op) => by.key(op) || by.value(op) || by.f(op) || by.node(op) || by.error(op);
});
