#!/usr/bin/env node
// Builds the plugin of the current folder: build.mjs --wit FOLDER --out FILE
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";

import { BuildError } from "./builder/build-error.js";
import { bundle } from "./builder/bundle.js";
import { readPlugin } from "./builder/plugin.js";

try {
  const { wit, out } = options();
  const plugin = await readPlugin(process.cwd());
  const bundled = await bundle(plugin);
  // The engine is loaded after the faults of the source are known.
  const { componentOf } = await import("./builder/component.js");
  const component = await componentOf(bundled, wit);
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, component);
} catch (error) {
  process.stderr.write(`${error instanceof BuildError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}

function options() {
  const usage = "usage: guardhouse-build --wit FOLDER --out FILE, in the plugin's folder";
  try {
    const { values } = parseArgs({ options: { wit: { type: "string" }, out: { type: "string" } } });
    if (values.wit && values.out) return values;
  } catch {
    // The usage explains it better.
  }
  throw new BuildError(usage);
}
