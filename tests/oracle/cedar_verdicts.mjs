// SPDX-License-Identifier: Apache-2.0
// Usage: node cedar_verdicts.mjs FILE
// FILE has a JSON list of Cedar expressions. Prints, as a JSON list, what the reference says of each: "true", "false",
// or "error" where it does not parse or does not evaluate to a boolean.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const cedar = createRequire(import.meta.url)("@cedar-policy/cedar-wasm/nodejs");
const expressions = JSON.parse(readFileSync(process.argv[2], "utf8"));
const verdicts = new Array(expressions.length).fill("error");

function ask(from, to) {
  const staticPolicies = {};
  for (let i = from; i < to; ++i) {
    staticPolicies[`p${i}`] = `permit (principal, action, resource) when { ${expressions[i]} };`;
  }
  const answer = cedar.isAuthorized({
    principal: { type: "User", id: "a" },
    action: { type: "Action", id: "a" },
    resource: { type: "Photo", id: "a" },
    context: {},
    policies: { staticPolicies },
    entities: [],
  });
  if (answer.type !== "success") {
    // One of them does not parse; which one, a smaller question tells.
    if (to - from === 1) return;
    const middle = Math.floor((from + to) / 2);
    ask(from, middle);
    ask(middle, to);
    return;
  }
  const holds = new Set(answer.response.diagnostics.reason);
  const erred = new Set(answer.response.diagnostics.errors.map((error) => error.policyId));
  for (let i = from; i < to; ++i) {
    if (!erred.has(`p${i}`)) verdicts[i] = holds.has(`p${i}`) ? "true" : "false";
  }
}

const kBatch = 250;
for (let from = 0; from < expressions.length; from += kBatch) {
  ask(from, Math.min(from + kBatch, expressions.length));
}
console.log(JSON.stringify(verdicts));
