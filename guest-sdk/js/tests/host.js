import { mkdtemp, rm, symlink, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { transform } from "esbuild";

import { bundle } from "../builder/bundle.js";
import { readPlugin } from "../builder/plugin.js";

/** Represents a trap. */
export class Trap extends Error {}

/**
 * Bundles a plugin like the build, and loads it in a realm of its own. The result has its exports and its log. The
 * bindings are replaced by functions; `request` implements the `request` interface.
 */
export async function load(files, request = () => null) {
  const { code } = await inFolder(files, async (folder) => bundle(await readPlugin(folder)));
  const log = [];
  const ask = (name) => (pointer) => request(name, pointer);
  const bindings = {
    "wasi:logging/logging@0.1.0-draft": { log: (...entry) => write(log, entry) },
    "guardhouse:auth/request@0.1.0": {
      claim: ask("claim"),
      detail: ask("detail"),
      argument: ask("argument"),
      attribute: ask("attribute"),
    },
    "guardhouse:auth/raw-token@0.1.0": { get: () => "secret" },
  };
  const module = { exports: {} };
  const require = (name) => ({ __esModule: true, default: bindings[name] });
  const script = `"use strict";${(await transform(code, { format: "cjs" })).code}`;
  runInContext(script, createContext({ module, require }));
  return { ...exportsOf(module.exports), log };
}

/** The exports of the contract, which take a record, made from those of the bundle. */
function exportsOf({ checkParts, missingScopesParts, settings }) {
  return {
    check: { check: (record) => checkParts(...parts(record)) },
    settings,
    stepUp: missingScopesParts && { missingScopes: (record) => missingScopesParts(...parts(record)) },
  };
}

/** A record in the parameters of `builder/parts.js`. */
function parts({ token, component: { kind, name, uri, version, tags }, action, now }) {
  const fields = token && [token.clientId, token.subject, token.scopes, token.expiresAt, token.resourceIndicator];
  return [fields, kind, name, uri, version, tags, action, now];
}

/** The bindings trap at an invalid level. */
function write(log, entry) {
  if (entry[0] === "trap") throw new Trap();
  log.push(entry.join(" | "));
}

/** Runs `run` with a folder that contains `files`. */
export async function inFolder(files, run) {
  const folder = await mkdtemp(join(tmpdir(), "guardhouse-test-"));
  try {
    await mkdir(join(folder, "node_modules"));
    await symlink(fileURLToPath(new URL("..", import.meta.url)), join(folder, "node_modules", "guardhouse-sdk"));
    const all = { "package.json": '{"type": "module"}', ...files };
    for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A record as the bindings make it: absent fields are null. */
export function record(changes = {}) {
  return {
    token: null,
    component: { kind: "tool", name: "x", uri: null, version: null, tags: [] },
    action: "tools/call",
    now: 1700000000,
    ...changes,
  };
}
