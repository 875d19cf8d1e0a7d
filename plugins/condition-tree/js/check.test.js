// Unit tests, which run natively: npm test
import assert from "node:assert/strict";
import test from "node:test";

import { AuthorizationError } from "guardhouse-sdk";
import { settings, tool } from "guardhouse-sdk/testing";

import { check, validate } from "./check.js";

const small = { compare: { argument: "/amount", is: "<=", number: 1000 } };

test("a condition", () => {
  for (const [amount, expected] of [[1000, true], [1000.5, false]]) {
    assert.equal(check(tool("transfer", { arguments: { amount } }), settings({ condition: small })), expected);
  }
});

test("a missing input denies, also under a negation", () => {
  for (const condition of [small, { none: [small] }]) {
    assert.throws(() => check(tool("transfer"), settings({ condition })), AuthorizationError);
  }
});

test("texts that are not networks are rejected", () => {
  for (const network of ["192.0.2.0/33", "192.0.2/24", "2001:db8::/129"]) {
    const condition = { none: [{ network: { attribute: "/peer/address", in: [network] } }] };
    assert.throws(() => validate(settings({ condition })), /is not a network/);
  }
});
