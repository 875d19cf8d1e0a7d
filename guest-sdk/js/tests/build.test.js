import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { exported, imported } from "../builder/wasm/grammar.js";
import { EXPORT, IMPORT, MODULE, Reader, sections } from "../builder/wasm/reader.js";
import { inFolder } from "./host.js";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

async function build(files) {
  return inFolder(files, async (folder) => {
    const args = [path("../build.mjs"), "--wit", path("../../../wit"), "--out", "build/plugin.wasm"];
    await promisify(execFile)(process.execPath, args, { cwd: folder });
    return readFile(join(folder, "build/plugin.wasm"));
  });
}

/** The error output of a build that fails. */
async function complaint(files) {
  const error = await build(files).then(
    () => undefined,
    (error) => error,
  );
  assert.equal(error?.code, 1);
  assert.equal(error.stdout, "");
  return error.stderr;
}

const names = (component, id, entry) =>
  [...sections(component)]
    .filter((section) => section.id === id)
    .flatMap(({ body }) => {
      const reader = new Reader(body);
      return reader.vector(() => entry(reader).name);
    });

const base = ["guardhouse:auth/types@0.1.0", "guardhouse:auth/request@0.1.0", "wasi:logging/logging@0.1.0-draft"];

test("a component imports the contract and exports what the module does", async () => {
  const component = await build({ "check.js": "export const check = () => true" });
  assert.deepEqual(names(component, IMPORT, imported), base);
  assert.deepEqual(names(component, EXPORT, exported), ["init", "guardhouse:auth/check@0.1.0"]);
  assert.ok([...sections(component)].filter(({ id }) => id === MODULE).length > 1, "modules are not nested");
});

test("each optional part is exported if the module has it", async () => {
  const source = `import { rawToken } from "guardhouse-sdk/raw-token";
    import type { AuthContext } from "guardhouse-sdk";
    export const check = (ctx: AuthContext): boolean => rawToken(ctx) === "";
    export { missingScopes } from "./other.js";`;
  const component = await build({
    "check.ts": source,
    "other.ts": "export function missingScopes(): string[] { return []; }",
    "settings.schema.json": "{}",
  });
  assert.deepEqual(
    names(component, IMPORT, imported).toSorted(),
    [...base, "guardhouse:auth/raw-token@0.1.0"].toSorted(),
  );
  assert.deepEqual(names(component, EXPORT, exported).toSorted(), [
    "guardhouse:auth/check@0.1.0",
    "guardhouse:auth/settings@0.1.0",
    "guardhouse:auth/step-up@0.1.0",
    "init",
  ]);
});

test("an error has the line and the column of each frame", async () => {
  const source = `const rules = {first: (c) => c.token.claims.x,

  second: (c) => c.nope.x};
rules.second({});
export const check = () => true;`;
  const text = await complaint({ "check.js": source });
  assert.match(text, /\n {4}at second \(check\.js:3:\d+\)\n {4}at <anonymous> \(check\.js:4:\d+\)/);
  assert.doesNotMatch(text, /check\.js:1/);
});

const complaints = [
  [{}, /check\.ts or check\.js does not exist in /],
  [{ "check.js": "export const verify = 1" }, /check\.js does not export a function `check`/],
  [{ "check.js": "export const check = 1" }, /cannot be loaded: .*check must be a function, not number 1/],
  [
    { "check.js": "export async function check() { return true; }" },
    /check must return its answer: it cannot be async/,
  ],
  [{ "check.js": "export const check = async () => true" }, /check must return its answer: it cannot be async/],
  [{ "check.js": "export const check = async (ctx) => { await 1; return true; }" }, /check must return its answer/],
  [{ "check.js": "export function* check() { yield true; }" }, /check must return its answer/],
  [{ "check.js": "export async function* check() { yield true; }" }, /check must return its answer/],
  [
    { "check.js": "export const check = () => true; export async function missingScopes() { return []; }" },
    /missingScopes must return its answer/,
  ],
  [{ "check.js": "export const check = (" }, /check\.js:1:22/],
  [
    { "check.js": 'import "node:fs"; export const check = () => true' },
    /Could not resolve "node:fs"[^]*can import only/,
  ],
  [{ "check.js": "await 1; export const check = () => true" }, /Top-level await is not available/],
  [
    { "check.js": "export const check = () => true\n\nfetch()" },
    /cannot be loaded: .*fetch is not defined\n.* \(check\.js:3:1\)/,
  ],
  [
    { "check.js": "export const check = () => true; export const validate = () => {}" },
    /settings\.schema\.json does not exist/,
  ],
  [{ "check.js": "export const check = () => true", "settings.schema.json": "{" }, /settings\.schema\.json is not JSON/],
  [{ "package.json": '{"main": "src/x.ts"}' }, /src\/x\.ts does not exist in /],
];
for (const [files, expected] of complaints) {
  test(`a build that fails says ${expected.source}`, async () => {
    const text = await complaint(files);
    assert.match(text, expected);
    assert.doesNotMatch(text, /guest-sdk\/js|node:internal/);
  });
}
