import assert from "node:assert/strict";
import test from "node:test";

import { bundle } from "../builder/bundle.js";
import { readPlugin } from "../builder/plugin.js";
import { inFolder } from "./host.js";

const closed = JSON.stringify({ properties: { scopes: {}, limit: {} }, additionalProperties: false });

/** The fault that the bundler finds, without the engine; undefined if there is none. */
async function fault(source, schema) {
  const files = { "check.js": source, ...(schema && { "settings.schema.json": schema }) };
  return inFolder(files, async (folder) => {
    try {
      await bundle(await readPlugin(folder));
      return undefined;
    } catch (error) {
      return error.message;
    }
  });
}

const faults = [
  ["\nexport async function check(ctx) { return true; }", "check.js:2: check must return its answer"],
  ["export const check = async (ctx) => true;", "check.js:1: check must return its answer"],
  ["function decide() {}\nexport { decide as missingScopes };\nexport function* check() {}", "check.js:3: check must"],
  [
    "export function check(ctx, settings) { return true; }",
    "check.js:1: check has 2 parameters, but is called with the request only; a plugin has settings if",
  ],
  [
    "export function check(ctx, settings, now) { return true; }",
    "check.js:1: check has 3 parameters, but is called with the request and the settings only",
    closed,
  ],
  [
    "export const check = () => true;\nexport function validate(settings, ctx) {}",
    "check.js:2: validate has 2 parameters, but is called with the settings only",
    closed,
  ],
  [
    "export function check(ctx, { scope, limit = 1 }) { return true; }",
    "check.js:1: check takes the setting `scope`, which settings.schema.json does not have; it has: scopes, limit",
    closed,
  ],
  [
    "export const check = () => true;\nexport function validate({ scopes: s = [], max: m }) {}",
    "check.js:2: validate takes the setting `max`",
    closed,
  ],
];
for (const [source, expected, schema] of faults) {
  test(`a fault is known without the engine: ${expected}`, async () => {
    const found = await fault(source, schema);
    assert.ok(found?.startsWith(expected), found);
  });
}

const valid = [
  ["export function check(ctx, settings) { return `\n}` === settings.async; }", "{}"],
  ["export function check(ctx, { scopes = [], limit: { max } = {} }) { return true; }", closed],
  ["export function check(ctx, { scopes, anything }) { return true; }", "{}"],
  ["export function check(ctx, { scopes, ...others }) { return true; }", closed],
  ["export function check(ctx, settings = {}) { return true; }"],
  ["const make = (f) => f;\nexport const check = make((ctx, settings, more) => true);"],
  ["export const check = (ctx) => [1].map((x, i, all) => true)[0];"],
  ["const check2 = () => true;\nexport { check2 as check };"],
];
for (const [source, schema] of valid) {
  test(`not a fault: ${JSON.stringify(source)}`, async () => {
    assert.equal(await fault(source, schema), undefined);
  });
}
