import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { exportsOfParts, records } from "../builder/parts.js";
import { load } from "./host.js";

test("the records are those of the contract", async () => {
  const contract = (await readFile(new URL("../../../wit/types.wit", import.meta.url), "utf8")).replace(/\/\/.*/g, "");
  const declared = [...contract.matchAll(/record ([\w-]+) \{([^}]*)\}/g)].map(([, name, fields]) => [
    name,
    [...fields.matchAll(/([\w-]+): ([^,]+),/g)].map(([, field, type]) => [field, type]),
  ]);
  const known = Object.entries(records).map(([name, fields]) => [name, Object.entries(fields)]);
  assert.deepEqual(known, declared);
});

test("the parameters are the fields of a context, in order", () => {
  const parameters =
    "token: option<tuple<string, option<string>, list<string>, option<s64>, option<string>>>, kind: string, " +
    "name: string, uri: option<string>, version: option<string>, tags: list<string>, action: string, now: s64";
  const check = `export check-parts: func(${parameters}) -> result<bool, tuple<string>>;`;
  assert.equal(exportsOfParts({ stepUp: false }), check);
  assert.equal(
    exportsOfParts({ stepUp: true }),
    `${check} export missing-scopes-parts: func(${parameters}) -> list<string>;`,
  );
});

test("every field reaches the check and the missing scopes", async () => {
  const source = `const text = ({ token, component, action, now }) => JSON.stringify({ token, component, action, now });
    export const check = (ctx) => { console.log(text(ctx)); return false; };
    export const missingScopes = (ctx) => [text(ctx)];`;
  const token = { clientId: "c", subject: "s", scopes: ["a", "b"], expiresAt: 5, resourceIndicator: "r" };
  const component = { kind: "tool", name: "n", uri: "u", version: "v", tags: ["t"] };
  const contexts = [
    { token, component, action: "tools/call", now: 1 },
    {
      token: { ...token, subject: null, scopes: [], expiresAt: null, resourceIndicator: null },
      component: { ...component, uri: null, version: null, tags: [] },
      action: "",
      now: -1,
    },
    { token: null, component, action: "x", now: 0 },
  ];
  for (const context of contexts) {
    const { check, stepUp, log } = await load({ "check.js": source });
    // Fields that are null in the contract are undefined in a context.
    const expected = JSON.stringify(context, (_, value) => value ?? undefined);
    check.check(context);
    assert.equal(log[0], `info | stdout | ${expected}`);
    assert.equal(stepUp.missingScopes(context)[0], expected);
  }
});
