// Unit tests, which run natively: npm test
import assert from "node:assert/strict";
import test from "node:test";

import { AuthorizationError } from "guardhouse-sdk";
import { settings, tool } from "guardhouse-sdk/testing";

import { check, validate, type Settings } from "./check.js";

const small: Settings["condition"] = { compare: { argument: "/amount", is: "<=", number: 1000 } };

test("a condition", () => {
  for (const { amount, expected } of [{ amount: 1000, expected: true }, { amount: 1000.5, expected: false }]) {
    assert.equal(check(tool("transfer", { arguments: { amount } }), settings<Settings>({ condition: small })), expected);
  }
});

test("a missing input denies, also under a negation", () => {
  for (const condition of [small, { none: [small] }]) {
    assert.throws(() => check(tool("transfer"), settings<Settings>({ condition })), AuthorizationError);
  }
});

test("texts that are not networks are rejected", () => {
  for (const network of ["192.0.2.0/33", "192.0.2/24", "2001:db8::/129"]) {
    const condition = { none: [{ network: { attribute: "/peer/address", in: [network] } }] };
    assert.throws(() => validate(settings<Settings>({ condition })), /is not a network/);
  }
});
