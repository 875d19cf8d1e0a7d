import assert from "node:assert/strict";
import test from "node:test";

import { load, record } from "./host.js";

test("the warm-up asks the host for nothing and logs nothing", async () => {
  const asked = [];
  const { check, log } = await load({ "check.js": "export const check = () => true" }, (...call) => asked.push(call));
  assert.deepEqual([asked, log], [[], []]);
  assert.equal(check.check(record()), true);
  assert.deepEqual([asked, log], [[], []]);
});

/** Expressions, and their values while the module is loaded and in the first check. */
const traces = {
  "the clock": ["[Date.now(), new Date().getTime(), performance.now()]", [0, 0, 0]],
  "promises that work while the module is loaded": ["typeof Promise.resolve", "function"],
  "the members of AccessToken": [
    "Reflect.ownKeys(AccessToken.prototype)",
    ["constructor", "hasScope", "hasScopes", "missingScopes"],
  ],
  "the members of Component": ["Reflect.ownKeys(Component.prototype)", ["constructor", "hasTag"]],
  "the members of AuthContext": [
    "Reflect.ownKeys(AuthContext.prototype)",
    ["constructor", "tool", "claim", "detail", "argument", "attribute"],
  ],
  "the members of AuthorizationError": ["Reflect.ownKeys(AuthorizationError.prototype)", ["constructor", "name"]],
};
for (const [name, [expression, value]] of Object.entries(traces)) {
  test(`the warm-up leaves no trace in ${name}`, async () => {
    const source = `import { AccessToken, AuthContext, AuthorizationError, Component } from "guardhouse-sdk";
      const loaded = ${expression};
      export const check = () => { console.log(JSON.stringify(loaded)); return true; };`;
    const { check, log } = await load({ "check.js": source });
    check.check(record());
    assert.equal(log[0], `info | stdout | ${JSON.stringify(value)}`);
  });
}

test("the plugin's module cannot watch the warm-up", async () => {
  const source = `let calls = 0;
    const watched = [[Array.prototype, "includes"], [JSON, "parse"], [Object, "freeze"], [Reflect, "ownKeys"]];
    for (const [owner, name] of watched) {
      const real = owner[name];
      owner[name] = function (...args) { calls += 1; return real.apply(this, args); };
    }
    const loaded = calls;
    export const check = () => loaded === 0 && calls === 0;`;
  const { check } = await load({ "check.js": source });
  assert.equal(check.check(record()), true);
});

test("the warm-up leaves no settings and no context", async () => {
  const files = { "check.js": "export const check = (ctx, settings) => settings.fine", "settings.schema.json": "{}" };
  const { check, settings, log } = await load(files);
  assert.throws(() => check.check(record()));
  assert.match(log[0], /the plugin was called before it was configured/);
  settings.configure('{"fine":true}');
  assert.equal(check.check(record()), true);
});
