import { fileURLToPath } from "node:url";
import { dirname } from "node:path";
import { build, formatMessages } from "esbuild";

import { BuildError } from "./build-error.js";
import { lineTable } from "./line-table.js";

const sdk = dirname(dirname(fileURLToPath(import.meta.url)));

/** What the modules of `plugin` export and import, and all of them as one with the exports of the world. */
export async function bundle(plugin) {
  const { outputs } = (await run(plugin, { entryPoints: [plugin.entry] })).metafile;
  const [{ exports, imports }] = Object.values(outputs);
  const parts = partsOf(plugin, exports, imports);
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

/** Which of the optional parts of the contract the plugin has. */
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
    throw new BuildError(`${entry} exports \`validate\`, but there is no settings.schema.json`);
  }
  return parts;
}

/** The module that exports what the world asks for. The SDK's globals are in place before the plugin is loaded. */
function glue({ entry, schema }, { settings, validate, stepUp }) {
  const source = settings ? "givenSettings" : "noSettings";
  return [
    'import "./guest/clock.js";',
    'import "./guest/promises.js";',
    'import "./guest/console.js";',
    'import { checkExport, stepUpExport } from "./guest/check.js";',
    'import { givenSettings, noSettings, settingsExport } from "./guest/settings.js";',
    `import * as plugin from ${JSON.stringify(entry)};`,
    `export const check = checkExport(plugin.check, ${source});`,
    settings &&
      `export const settings = settingsExport(${JSON.stringify(schema)}${validate ? ", plugin.validate" : ""});`,
    stepUp && `export const stepUp = stepUpExport(plugin.missingScopes, ${source});`,
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
      // Written with promises, which guest/promises.js forbids.
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

/** What esbuild notes beside a module that is not there helps nobody who writes a plugin. */
function explained(error) {
  if (!error.text.startsWith("Could not resolve")) return error;
  return {
    ...error,
    notes: [{ text: "A plugin has no modules but its own and those of packages that it depends on." }],
  };
}
