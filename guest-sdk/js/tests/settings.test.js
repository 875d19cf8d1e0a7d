import assert from "node:assert/strict";
import test from "node:test";

import { load, record, Trap } from "./host.js";

const files = (source) => ({ "check.js": source, "settings.schema.json": '{ "type": "object" }\n' });

test("settings are parsed once and cannot be changed", async () => {
  const { check, settings, stepUp } = await load(
    files("export const check = (ctx, settings) => settings.list.push(1) > 0"),
  );
  assert.equal(settings.schema(), '{ "type": "object" }\n');
  assert.throws(() => check.check(record()), Trap);
  settings.configure('{"list": []}');
  assert.throws(() => check.check(record()), Trap);
  assert.throws(() => settings.configure("{}"), /^the plugin is already configured$/);
  assert.equal(stepUp, undefined);
});

test("settings are rejected with a message for the operator", async () => {
  const refusals = {
    'throw new Error("too many")': "too many",
    'throw "words"': "words",
    "throw { a: 1 }": "{ a: 1 }",
    "return false": "validate must throw to reject settings, and return nothing, not boolean false",
    "return Promise.resolve()": "a plugin cannot use promises or `async`",
    "return { then() {} }":
      "validate must throw to reject settings, and return nothing, not a promise (it cannot be async)",
    "throw { get message() { throw { message: 'no text' } } }": "{ message: [Getter] }",
  };
  for (const [body, text] of Object.entries(refusals)) {
    const source = `export const check = () => true; export function validate(settings) { if (!settings.fine) { ${body} } }`;
    const { settings, log } = await load(files(source));
    assert.equal(
      thrownBy(() => settings.configure("{}")),
      text,
    );
    assert.match(log[0], /^error \| exception \| /);
    settings.configure('{"fine": true}');
  }
});

test("missing scopes are strings, and anything else is a fault", async () => {
  const missing = async (answer) => {
    const { stepUp } = await load({
      "check.js": `export const check = () => false; export const missingScopes = () => ${answer}`,
    });
    return stepUp.missingScopes(record());
  };
  assert.equal(JSON.stringify(await missing('["a", "é"]')), '["a","é"]');
  for (const answer of [
    '"a"',
    "undefined",
    "[1]",
    '["\\ud800"]',
    "Promise.resolve([])",
    "(() => { throw { message: 'x' } })()",
  ]) {
    await assert.rejects(missing(answer), Trap, answer);
  }
});

function thrownBy(run) {
  try {
    run();
  } catch (thrown) {
    return thrown;
  }
}
