import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { BuildError } from "./build-error.js";

/** Reads a plugin's folder: the path of its module, and the schema of its settings if it takes some. */
export async function readPlugin(folder) {
  const metadata = json("package.json", await read(folder, "package.json"));
  const entry = entryOf(folder, metadata.main);
  const schema = existsSync(join(folder, "settings.schema.json"))
    ? await read(folder, "settings.schema.json")
    : undefined;
  if (schema !== undefined) json("settings.schema.json", schema);
  return { folder, entry, schema };
}

function entryOf(folder, main) {
  const names = main === undefined ? ["check.ts", "check.js"] : [main];
  const found = names.find((name) => existsSync(join(folder, name)));
  if (found === undefined) throw new BuildError(`${names.join(" or ")} does not exist in ${folder}`);
  return resolve(folder, found);
}

async function read(folder, name) {
  try {
    return await readFile(join(folder, name), "utf8");
  } catch (error) {
    throw new BuildError(`${name} cannot be read: ${error.message}`);
  }
}

function json(name, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BuildError(`${name} is not JSON: ${error.message}`);
  }
}
