import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { Script } from "node:vm";

import { isAsync } from "../guest/wrong-answer.js";
import { BuildError } from "./build-error.js";

/** The functions that a plugin may export, and the names of what they are called with. */
const called = {
  check: ["the request", "the settings"],
  missingScopes: ["the request", "the settings"],
  validate: ["the settings"],
};

/**
 * Throws if an exported function cannot work: it is asynchronous, it has more parameters than it is called with, or it
 * takes a setting that the schema does not have. The functions are read from `code`, a bundle in the notation of
 * esbuild, and are not called. What cannot be read there is left to the engine.
 */
export function throwFaults(code, exports, { folder, schema }, inputs) {
  for (const name of exports.filter((name) => name in called)) {
    const text = declaration(code, localName(code, name));
    const reason = text && reasonOf(name, text, schema === undefined ? undefined : JSON.parse(schema));
    if (reason) throw new BuildError(`${placeOf(name, folder, inputs)}${reason}`);
  }
}

function reasonOf(name, text, schema) {
  if (isAsync(text)) return `${name} must return its answer: it cannot be async, nor a generator`;
  if (!text.startsWith("function")) return undefined;
  const args = schema === undefined ? called[name].slice(0, 1) : called[name];
  const { length } = functionOf(text);
  if (length > args.length) {
    const missing = schema === undefined ? "; a plugin has settings if settings.schema.json exists" : "";
    return `${name} has ${length} parameters, but is called with ${args.join(" and ")} only${missing}`;
  }
  const known = schema?.additionalProperties === false ? Object.keys(schema.properties ?? {}) : undefined;
  const odd = known && settingsIn(text, args.length).find((setting) => !known.includes(setting));
  if (odd === undefined) return undefined;
  return `${name} takes the setting \`${odd}\`, which settings.schema.json does not have; it has: ${known.join(", ")}`;
}

/** The name that an export has within the bundle. */
function localName(code, name) {
  const clause = code.slice(code.lastIndexOf("\nexport {"));
  return clause.match(new RegExp(`^ *([\\w$]+) as ${name},?$`, "m"))?.[1] ?? name;
}

/** The text of a function at the top level, or the beginning of an arrow function. Undefined for anything else. */
function declaration(code, name) {
  const escaped = name.replaceAll("$", "\\$");
  const start = code.search(new RegExp(`^(?:async )?function\\*? ${escaped}\\(`, "m"));
  if (start < 0) return code.match(new RegExp(`^var ${escaped} = ((?:\\([^()]*\\)|[\\w$]+) => .*(?:\\n.*)?)`, "m"))?.[1];
  // It ends with a brace at the start of a line. Braces within a text, before that, leave it incomplete.
  for (let end = code.indexOf("\n}", start); end >= 0; end = code.indexOf("\n}", end + 1)) {
    const text = code.slice(start, end + 2);
    if (isFunction(text)) return text;
  }
  return undefined;
}

function isFunction(text) {
  try {
    return new Script(`(${text})`) !== undefined;
  } catch {
    return false;
  }
}

/** The function with this text. It is made in a realm of its own, and not called. */
function functionOf(text) {
  return new Script(`(${text})`).runInNewContext(Object.create(null));
}

/** The settings that the last of `count` parameters takes apart, if it has no values in brackets. */
function settingsIn(text, count) {
  const first = count === 2 ? "[\\w$]+, " : "";
  const pattern = text.match(new RegExp(`^function [\\w$]+\\(${first}\\{([^{}]*)\\}\\)`))?.[1].replaceAll("[]", "");
  if (pattern === undefined || /[[("'\`]|\.\.\./.test(pattern)) return [];
  return pattern.split(",").flatMap((member) => member.match(/^\s*([\w$]+)\s*(?:[:=]|$)/)?.[1] ?? []);
}

/** Where the source declares a function, as far as it has the name of the export. */
function placeOf(name, folder, inputs) {
  const declared = new RegExp(`\\b(?:function\\*?|const|let|var)\\s+${name}\\b`);
  for (const input of Object.keys(inputs).filter((input) => !input.includes("node_modules"))) {
    const lines = readFileSync(resolve(folder, input), "utf8").split("\n");
    const index = lines.findIndex((line) => declared.test(line));
    if (index >= 0) return `${relative(folder, resolve(folder, input))}:${index + 1}: `;
  }
  return "";
}
