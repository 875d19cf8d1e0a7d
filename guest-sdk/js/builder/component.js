import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentize } from "componentize-qjs";

import { inSource } from "../guest/lines.js";
import { BuildError } from "./build-error.js";
import { withoutWasi } from "./wasm/without-wasi.js";
import { writeWorld } from "./world.js";

/** The plugin as a component with the QuickJS engine. It imports only the contract. */
export async function componentOf({ code, lines, parts }, wit) {
  const folder = await mkdtemp(join(tmpdir(), "guardhouse-"));
  try {
    await writeWorld(folder, wit, parts);
    const jsPath = join(folder, "plugin.js");
    await writeFile(jsPath, code);
    const { component } = await engineWith(code, lines, { witPath: folder, jsPath });
    return withoutWasi(component);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The memory image of the engine after it has loaded the module. The top level of the module runs here. */
async function engineWith(jsSource, lines, paths) {
  try {
    return await componentize({ jsSource, sync: true, optSize: false, ...paths });
  } catch (error) {
    const what = error.message.replace(/^[^]*Failed to finish JavaScript module evaluation: /, "");
    throw new BuildError(`the module cannot be loaded: ${inSource(what, lines).trimEnd()}`);
  }
}
