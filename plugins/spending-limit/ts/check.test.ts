// Unit tests, which run natively: npm test
import assert from "node:assert/strict";
import test from "node:test";

import { AuthorizationError } from "guardhouse-sdk";
import { settings, tool } from "guardhouse-sdk/testing";

import { check, missingScopes, type Settings } from "./check.js";

const given = settings<Settings>({
  scopes: ["pay", "sign"],
  suspended: ["mallory"],
  limit: { argument: "/amount", max: 1000 },
});
const token = { scopes: ["sign", "pay"] };

/** Matches a denial with this message. */
function denial(message: string) {
  return (error: unknown) => error instanceof AuthorizationError && error.message === message;
}

test("a request without a token is denied", () => {
  assert.equal(check(tool("transfer"), given), false);
});

test("a suspended client is denied with a message", () => {
  const ctx = tool("transfer", { token: { clientId: "mallory" } });
  assert.throws(() => check(ctx, given), denial("client `mallory` is suspended"));
});

test("every scope is required", () => {
  const ctx = tool("transfer", { token: { scopes: ["pay"] }, arguments: { amount: 1 } });
  assert.equal(check(ctx, given), false);
});

test("numbers up to the limit are allowed", () => {
  for (const amount of [-1, 0, 999.5, 1000]) {
    assert.equal(check(tool("transfer", { token, arguments: { amount } }), given), true);
  }
});

test("anything else is denied with the limit", () => {
  for (const args of [{ amount: 1001 }, { amount: 1000.25 }, { amount: "1" }, { amount: true }, {}, undefined]) {
    const ctx = tool("transfer", { token, arguments: args });
    assert.throws(() => check(ctx, given), denial("argument `/amount` must be a number of at most 1000"));
  }
});

test("a list is not limited", () => {
  assert.equal(check(tool("transfer", { token, action: "tools/list" }), given), true);
});

test("missing scopes are named once and in order, and none without a token", () => {
  const { scopes } = settings({ scopes: ["sign", "pay", "audit", "sign"] });
  assert.deepEqual(missingScopes(tool("transfer", { token: { scopes: ["pay"] } }), { scopes }), ["sign", "audit"]);
  assert.deepEqual(missingScopes(tool("transfer"), { scopes }), []);
});
