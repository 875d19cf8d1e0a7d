// Unit tests, which run natively: npm test
import assert from "node:assert/strict";
import test from "node:test";

import { AuthorizationError } from "guardhouse-sdk";
import { settings, tool } from "guardhouse-sdk/testing";

import { check, matches, type Settings } from "./check.js";

const given = settings<Settings>({
  claim: "/roles",
  roles: { teller: { allow: [{ component: "tool:{read,list}-*" }], deny: [{ component: "*:**secret**" }] } },
});

test("a pattern of a role allows", () => {
  assert.equal(check(tool("list-orders", { token: { claims: { roles: ["teller"] } } }), given), true);
  assert.equal(check(tool("list-orders", { token: { claims: { roles: ["guest"] } } }), given), false);
});

test("a denial wins", () => {
  const message = "role `teller` must not use `tool:read-secrets`";
  assert.throws(
    () => check(tool("read-secrets", { token: { claims: { roles: ["teller"] } } }), given),
    (error: unknown) => error instanceof AuthorizationError && error.message === message,
  );
});

test("patterns", () => {
  assert.equal(matches("*", "a/b"), false);
  assert.equal(matches("**", "a/b"), true);
  assert.equal(matches("{a,b*}?", "bcd"), true);
});
