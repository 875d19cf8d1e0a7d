// Unit tests, which run natively: npm test
import assert from "node:assert/strict";
import test from "node:test";

import { AuthorizationError } from "guardhouse-sdk";
import { settings, tool } from "guardhouse-sdk/testing";

import { check, validate } from "./check.js";

const given = settings({
  zone: "Europe/Berlin",
  offset: 60,
  calendar: { first: "2026-01-01", last: "2026-12-31" },
  holidays: ["2026-02-03"],
  hours: [{ days: ["mon", "tue", "wed"], opens: "09:00", closes: "17:00" }],
});
const MONDAY_AT_NINE = 1770019200;

test("the first minute is allowed", () => {
  assert.equal(check(tool("transfer", { now: MONDAY_AT_NINE }), given), true);
});

test("the evening before a holiday is denied with the next opening", () => {
  const message = "the office is closed until 2026-02-04 09:00 (Europe/Berlin)";
  assert.throws(
    () => check(tool("transfer", { now: MONDAY_AT_NINE + 8 * 3600 }), given),
    (error) => error instanceof AuthorizationError && error.message === message,
  );
});

test("hours in the wrong order are rejected", () => {
  const hours = [{ days: ["mon"], opens: "17:00", closes: "09:00" }];
  assert.throws(() => validate({ ...given, hours }), /17:00 is not before 09:00/);
});
