import assert from "node:assert/strict";
import test from "node:test";

import { load, record, Trap } from "./host.js";

/** The result of a check with this function body. */
async function ending(body, request) {
  const source = `import { AuthorizationError, log } from "guardhouse-sdk";\nexport function check(ctx) {\n${body}\n}`;
  const { check, log } = await load({ "check.js": source }, request);
  try {
    return { answer: check.check(record()), log };
  } catch (thrown) {
    return { thrown, log };
  }
}

test("true and false are valid answers", async () => {
  assert.equal((await ending("return true")).answer, true);
  assert.equal((await ending("return false")).answer, false);
});

test("an AuthorizationError reaches the bindings as a tuple", async () => {
  const { thrown, log } = await ending('throw new AuthorizationError("né 🙂")');
  assert.equal(JSON.stringify(thrown), '["né 🙂"]');
  assert.deepEqual(log, []);
});

const faults = {
  "an error": 'throw new Error("leak")',
  "an error with a payload": 'throw Object.assign(new Error("leak"), { payload: { message: "leak" } })',
  "an object with a message": 'throw { message: "leak" }',
  "an object whose prototype has a message": 'Object.prototype.message = "leak"; throw {}',
  "a getter": 'throw { get message() { throw { message: "leak" } } }',
  "a proxy":
    'throw new Proxy({}, { get() { throw { message: "leak" } }, getPrototypeOf() { throw { message: "leak" } } })',
  "a proxy of an AuthorizationError": 'throw new Proxy(new AuthorizationError("leak"), {})',
  "what looks like an AuthorizationError":
    'throw Object.create(AuthorizationError.prototype, { message: { value: "leak" } })',
  "a string": 'throw "leak"',
  "a symbol": 'throw Symbol("leak")',
  undefined: "throw undefined",
  null: "throw null",
  "an AuthorizationError of an error": 'throw new AuthorizationError(new Error("leak"))',
  "half a character": 'throw new AuthorizationError("leak \\ud800")',
  "a changed message": 'const error = new AuthorizationError("x"); error.message = "leak"; throw error',
  "no answer": "",
  "a number": "return 1",
  text: 'return "true"',
  "a Boolean": "return new Boolean(true)",
  "a promise": "return Promise.resolve(true)",
  "a rejected promise": 'const promise = Promise.reject({ message: "leak" }); promise.catch(() => {}); return promise',
  "a thenable": 'return { get then() { throw { message: "leak" } } }',
  "an async function": "return (async () => true)()",
  "an async function that is not awaited":
    'const verify = async () => { throw new AuthorizationError("leak") }; verify(); return true',
  "a promise that is not awaited": 'Promise.reject(new AuthorizationError("leak")); return true',
  "a promise that is not awaited, of another kind":
    '(class extends Promise {}).withResolvers?.(); new (class extends Promise {})(() => {}); return true',
  "a loop that awaits": "(async () => { for await (const x of []); })(); return true",
  "an AuthorizationError as a cause": 'throw new Error("leak", { cause: new AuthorizationError("leak") })',
  "an AuthorizationError whose message is another's":
    'class Loud extends AuthorizationError { message = "leak" } throw new Loud("x")',
  "a generator": "return (function* () { return true; })()",
};
for (const [name, body] of Object.entries(faults)) {
  test(`${name} is a fault`, async () => {
    const { thrown, log } = await ending(body);
    assert.ok(thrown instanceof Trap);
    assert.equal(log.length, 1);
    assert.match(log[0], /^critical \| exception \| /);
  });
}

test("an error's type, message and cause are logged with their positions", async () => {
  const deep = "const deep = () => {\n\n throw new RangeError('7f3a');\n };\n";
  const { log } = await ending(`${deep} try { deep(); } catch (cause) { throw new Error('outer', { cause }); }`);
  assert.match(log[0], /exception \| Error: outer\n[^]*\n  \[cause\]: RangeError: 7f3a\n/);
});

test("the log of an error is bounded, even if it is its own cause or has a megabyte", async () => {
  const circle = await ending('const error = new RangeError("7f3a"); error.cause = error; throw error');
  assert.match(circle.log[0], /exception \| <ref \*1> RangeError: 7f3a\n/);
  const long = await ending('throw new RangeError("\u{1F642}".repeat(1e6))');
  assert.ok(/exception \| RangeError: \u{1F642}{1000,}[^]*\n… \d+ characters …\n/u.test(long.log[0]));
  for (const { log } of [circle, long]) assert.ok(Buffer.byteLength(log[0]) < 65_536);
});

test("a module can use promises while it is loaded", async () => {
  const source = "const ready = (async () => 1)(); export const check = () => typeof ready.then === 'function'";
  assert.equal((await load({ "check.js": source })).check.check(record()), true);
});

test("a document that is not JSON is a fault", async () => {
  const { thrown } = await ending('return ctx.claim("") === undefined', () => "{");
  assert.ok(thrown instanceof Trap);
});

test("documents are parsed, and absent is not null", async () => {
  const answers = { claim: "null", detail: '{"é":[1]}', argument: null, attribute: '"x"' };
  const body = `return ctx.claim("/a") === null && ctx.detail("")["é"][0] === 1 && ctx.argument("/a") === undefined
    && ctx.attribute("/a") === "x" && ctx.token === undefined && ctx.component.uri === undefined`;
  assert.equal((await ending(body, (name) => answers[name])).answer, true);
});

test("the clock is the context's", async () => {
  const body = `return Date.now() === 1.7e12 && new Date().toISOString() === "2023-11-14T22:13:20.000Z" && loaded === 0
    && new Date(5).getTime() === 5 && new Date() instanceof Date && typeof Date() === "string"
    && new Date().constructor === Date && new (class extends Date {})().getTime() === 1.7e12 && performance.now() === 1.7e12`;
  assert.equal((await ending(`${body}\n} const loaded = Date.now(); {`)).answer, true);
});

test("an integer that a number would round is a fault, wherever it is", async () => {
  const texts = ["175928847299117063", '{"a":[{"b":-9007199254740993}]}', '{"a\\\\":"\\"","b":9007199254740993}'];
  for (const text of texts) {
    const { thrown, log } = await ending('return ctx.claim("/id") !== undefined', () => text);
    assert.ok(thrown instanceof Trap, text);
    assert.match(log[0], /RangeError: the integer -?\d+ is beyond 2\^53/);
  }
});

test("other numbers, and digits in strings, are read", async () => {
  const numbers = "9007199254740992, -9007199254740992, 1e300, 9007199254740993.5";
  const text = `[${numbers}, "9007199254740993", "\\\\\\"9007199254740993"]`;
  assert.equal((await ending('return ctx.claim("/id").length === 6', () => text)).answer, true);
});

test("a time that a number cannot represent is a fault", async () => {
  const { check } = await load({ "check.js": "export const check = () => true" });
  assert.throws(() => check.check(record({ now: 2 ** 53 })), Trap);
  const token = { clientId: "c", subject: null, scopes: [], expiresAt: -(2 ** 53), resourceIndicator: null };
  assert.throws(() => check.check(record({ token })), Trap);
  assert.equal(check.check(record({ token: { ...token, expiresAt: null } })), true);
});

test("console output is logged, including output while the module is loaded", async () => {
  const body = `console.log("a", 1, { b: [null] }); console.error(undefined, "\\ud800"); log.warn("w"); log("trace", "t");
    return true; } console.debug("loaded"); {`;
  assert.deepEqual((await ending(body)).log, [
    "debug | stdout | loaded",
    "info | stdout | a 1 { b: [ null ] }",
    "error | stderr | undefined \ufffd",
    "warn |  | w",
    "trace |  | t",
  ]);
});

test("a plugin that imports the secret can read it", async () => {
  const source =
    'import { rawToken } from "guardhouse-sdk/raw-token"; export const check = (ctx) => rawToken(ctx) === "secret"';
  assert.equal((await load({ "check.js": source })).check.check(record()), true);
});
