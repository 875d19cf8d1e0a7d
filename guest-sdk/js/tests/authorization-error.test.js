import assert from "node:assert/strict";
import test from "node:test";

import { AuthorizationError } from "guardhouse-sdk";
import { denial } from "../src/authorization-error.js";

test("only an AuthorizationError is a denial", () => {
  assert.equal(denial(new AuthorizationError("né 🙂")), "né 🙂");
  assert.equal(denial(new (class extends AuthorizationError {})("x")), "x");
  const others = [
    new Error("x"),
    { message: "x" },
    Object.create(AuthorizationError.prototype, { message: { value: "x" } }),
    new Proxy(new AuthorizationError("x"), {}),
    "x",
    null,
    undefined,
    () => {},
  ];
  for (const other of others) assert.equal(denial(other), undefined);
});

test("its message is a well-formed string, and cannot be changed", () => {
  for (const message of [undefined, null, 5, new Error("x"), ["x"], "\ud800"]) {
    assert.throws(() => new AuthorizationError(message), TypeError);
  }
  const error = new AuthorizationError("");
  assert.throws(() => (error.message = "x"), TypeError);
  assert.equal(denial(error), "");
  assert.equal(error.name, "AuthorizationError");
});
