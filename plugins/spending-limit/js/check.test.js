// The check, asked natively: npm test
import assert from "node:assert/strict";
import test from "node:test";

import { AuthorizationError } from "guardhouse-sdk";
import { settings, tool } from "guardhouse-sdk/testing";

import { check, missingScopes } from "./check.js";

const given = settings({ scopes: ["pay", "sign"], suspended: ["mallory"], limit: { argument: "/amount", max: 1000 } });
const token = { scopes: ["sign", "pay"] };

/** What a caller is told. */
function told(message) {
  return (error) => error instanceof AuthorizationError && error.message === message;
}

test("nobody without a token", () => {
  assert.equal(check(tool("transfer"), given), false);
});

test("a suspended client is told so", () => {
  const ctx = tool("transfer", { token: { clientId: "mallory" } });
  assert.throws(() => check(ctx, given), told("client `mallory` is suspended"));
});

test("every scope must be there", () => {
  const ctx = tool("transfer", { token: { scopes: ["pay"] }, arguments: { amount: 1 } });
  assert.equal(check(ctx, given), false);
});

test("numbers up to the limit are allowed", () => {
  for (const amount of [-1, 0, 999.5, 1000]) {
    assert.equal(check(tool("transfer", { token, arguments: { amount } }), given), true);
  }
});

test("anything else is told the limit", () => {
  for (const args of [{ amount: 1001 }, { amount: 1000.25 }, { amount: "1" }, { amount: true }, {}, undefined]) {
    const ctx = tool("transfer", { token, arguments: args });
    assert.throws(() => check(ctx, given), told("argument `/amount` must be a number of at most 1000"));
  }
});

test("a list calls nothing", () => {
  assert.equal(check(tool("transfer", { token, action: "tools/list" }), given), true);
});

test("missing scopes are named once and in order, and none without a token", () => {
  const { scopes } = settings({ scopes: ["sign", "pay", "audit", "sign"] });
  assert.deepEqual(missingScopes(tool("transfer", { token: { scopes: ["pay"] } }), { scopes }), ["sign", "audit"]);
  assert.deepEqual(missingScopes(tool("transfer"), { scopes }), []);
});
