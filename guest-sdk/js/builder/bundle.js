import { fileURLToPath } from "node:url";
import { dirname } from "node:path";
import { build, formatMessages } from "esbuild";

import { BuildError } from "./build-error.js";
import { throwFaults } from "./faults.js";
import { lineTable } from "./line-table.js";

const sdk = dirname(dirname(fileURLToPath(import.meta.url)));

/** The modules of `plugin` bundled into one with the exports of the world, and the optional parts that they use. */
export async function bundle(plugin) {
  const read = await run(plugin, { entryPoints: [plugin.entry] });
  const [{ exports, imports }] = Object.values(read.metafile.outputs);
  const parts = partsOf(plugin, exports, imports);
  throwFaults(read.outputFiles[0].text, exports, plugin, read.metafile.inputs);
  const { outputFiles } = await run(plugin, {
    stdin: { contents: glue(plugin, parts), resolveDir: sdk, sourcefile: "exports.js" },
    sourcemap: "external",
    sourcesContent: false,
    outfile: "plugin.js",
  });
  const [map, code] = ["plugin.js.map", "plugin.js"].map(
    (name) => outputFiles.find(({ path }) => path.endsWith(name)).text,
  );
  const lines = lineTable(JSON.parse(map), plugin.folder, sdk);
  return { parts, lines, code: code.replace('"guardhouse:lines"', () => JSON.stringify(JSON.stringify(lines))) };
}

/** The optional parts of the contract that the plugin uses. */
function partsOf({ entry, schema }, exports, imports) {
  const has = (name) => exports.includes(name);
  if (!has("check")) throw new BuildError(`${entry} does not export a function \`check\``);
  const parts = {
    settings: schema !== undefined,
    validate: has("validate"),
    stepUp: has("missingScopes"),
    rawToken: imports.some(({ path }) => path.startsWith("guardhouse:auth/raw-token@")),
  };
  if (parts.validate && !parts.settings) {
    throw new BuildError(`${entry} exports \`validate\`, but settings.schema.json does not exist`);
  }
  return parts;
}

/**
 * The module with the exports of `parts.js` and of the world. It installs the SDK's globals, and warms the engine, before
 * it loads the plugin.
 */
function glue({ entry, schema }, { settings, validate, stepUp }) {
  const source = settings ? "givenSettings" : "noSettings";
  return [
    'import "./guest/clock.js";',
    'import "./guest/promises.js";',
    'import "./guest/console.js";',
    'import { checkExport, stepUpExport } from "./guest/check.js";',
    'import { givenSettings, noSettings, settingsExport } from "./guest/settings.js";',
    'import "./guest/warmed.js";',
    `import * as plugin from ${JSON.stringify(entry)};`,
    `export const checkParts = checkExport(plugin.check, ${source});`,
    settings &&
      `export const settings = settingsExport(${JSON.stringify(schema)}${validate ? ", plugin.validate" : ""});`,
    stepUp && `export const missingScopesParts = stepUpExport(plugin.missingScopes, ${source});`,
  ]
    .filter(Boolean)
    .join("\n");
}

async function run({ folder }, options) {
  try {
    return await build({
      absWorkingDir: folder,
      bundle: true,
      conditions: ["guardhouse", "import", "module"],
      external: ["guardhouse:*", "wasi:*"],
      format: "esm",
      logLevel: "silent",
      mainFields: ["module", "main"],
      metafile: true,
      platform: "neutral",
      // Compiled to promises, which guest/promises.js forbids.
      supported: { "top-level-await": false, "async-await": false, "async-generator": false, "for-await": false },
      target: "es2023",
      write: false,
      ...options,
    });
  } catch (error) {
    if (!error.errors) throw error;
    throw new BuildError((await formatMessages(error.errors.map(explained), { kind: "error" })).join("").trimEnd());
  }
}

/** Replaces esbuild's notes on a missing module, which do not help authors of plugins. */
function explained(error) {
  if (!error.text.startsWith("Could not resolve")) return error;
  return {
    ...error,
    notes: [{ text: "A plugin can import only its own modules and those of packages that it depends on." }],
  };
}
