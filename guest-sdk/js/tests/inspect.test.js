import assert from "node:assert/strict";
import test from "node:test";
import { format as formatOfNode, inspect as inspectOfNode } from "node:util";

import { inspect } from "../src/inspect.js";
import { format } from "../src/text.js";

class Point {
  x = 1;
  get length() {
    return 1;
  }
}
const circle = { name: "circle" };
circle.self = circle;
const low = Object.assign(new TypeError("low"), { code: "E_LOW" });

const values = {
  numbers: [1, -0, 5n, NaN],
  texts: ["a\n'b\"", "it's", "\u001b[2J"],
  "nothing, and symbols": [null, undefined, Symbol("s"), true],
  "deep arrays and objects": [[1, [2, [3, [4, [5]]]]], { a: { b: { c: { d: {} }, e: {} } } }],
  maps: new Map([[1, { a: 2 }], ["k", new Map()], [{ a: 1 }, "object"]]),
  sets: new Set(["x", [1]]),
  classes: [new Point(), Object.create(null), new (class extends Map {})([[1, 2]]), Point, class extends Point {}],
  circles: circle,
  functions: [() => 1, function named() {}, async () => {}, function* () {}],
  "dates and expressions": [new Date(0), new Date(NaN), /x/g],
  "arrays with more": [Object.assign([1], { extra: true }), [undefined], [1, , 2]],
  properties: { "a-b": 1, [Symbol("k")]: 2, f() {}, get g() { return 1; }, set s(value) {} },
  bytes: new Uint8Array([1, 2]),
  boxes: [new Number(3), new String("x")],
  "long lines": { long: "x".repeat(50), other: "y".repeat(50) },
  "an error with a cause": new RangeError("top", { cause: low }),
  "errors within others": [{ error: new Error("inner") }, new AggregateError([new Error("one")], "many")],
  tags: [Math, JSON],
};
for (const [name, value] of Object.entries(values)) {
  test(`${name} are shown as Node shows them`, () => assert.equal(inspect(value), inspectOfNode(value)));
}

test("placeholders are filled as Node fills them", () => {
  const calls = [
    ["%s is %d", "a", 1],
    ["%j and %i of %%", { a: 1 }, "5.9"],
    ["%s", "a", "more", { b: 1 }],
    ["100%", 1],
    ["%s %s", "one"],
    [1, "%s", 2],
    [],
  ];
  for (const call of calls) assert.equal(format(call), formatOfNode(...call));
});

test("the text of a value is bounded, and getters are not called", () => {
  const wide = Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => ["x".repeat(1_000)]));
  for (const value of [wide, { text: "x".repeat(1e6) }, new Error("x".repeat(1e6)), new Set(Array(1e5).keys())]) {
    assert.ok(inspect(value).length < 17_000);
  }
  assert.equal(inspect({ get trap() { throw new Error("called"); } }), "{ trap: [Getter] }");
});
