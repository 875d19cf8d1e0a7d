import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { exportsOfParts } from "./parts.js";

/** Writes the world of a plugin with `parts`, and the contract in `wit`, into `folder`. */
export async function writeWorld(folder, wit, parts) {
  const contract = join(folder, "deps", "guardhouse-auth");
  await mkdir(contract, { recursive: true });
  for (const name of await readdir(wit)) {
    if (name.endsWith(".wit")) await cp(join(wit, name), join(contract, name));
  }
  await cp(join(wit, "deps"), join(folder, "deps"), { recursive: true });
  await writeFile(join(folder, "world.wit"), world(parts));
}

function world(parts) {
  const { settings, stepUp, rawToken } = parts;
  const base = [settings && "configurable", stepUp && "step-up", "auth-check"].filter(Boolean).join("-");
  const worlds = rawToken ? [base, "with-raw-token"] : [base];
  const includes = worlds.map((name) => `include guardhouse:auth/${name}@0.1.0;`).join(" ");
  return `package guardhouse:plugin; world plugin { ${includes} ${exportsOfParts(parts)} }\n`;
}
