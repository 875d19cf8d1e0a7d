import { isAbsolute, relative, resolve } from "node:path";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The source position of each line of a bundle, from its source map, in the form that `guest/lines.js` reads.
 *
 * Only the position of the beginning of a line is kept. Files of the SDK are omitted.
 */
export function lineTable({ sources, mappings }, folder, sdk) {
  const files = sources.map((source) => nameOf(resolve(folder, source), folder, sdk));
  let [file, line] = [0, 0];
  const lines = mappings.split(";").map((segments) => {
    let first = "";
    for (const segment of segments.split(",").map(numbers)) {
      if (segment.length < 4) continue;
      file += segment[1];
      line += segment[2];
      if (!first && files[file]) first = `${file}:${line + 1}`;
    }
    return first;
  });
  return { files, lines };
}

/** The name of a file within the plugin's folder; empty for a file of the SDK. */
function nameOf(file, folder, sdk) {
  const isWithin = (path) => !path.startsWith("..") && !isAbsolute(path);
  return isWithin(relative(sdk, file)) ? "" : relative(folder, file).replaceAll("\\", "/");
}

/** The numbers of a segment, in the Base64 VLQ of source maps. */
function numbers(segment) {
  const found = [];
  let [value, shift] = [0, 0];
  for (const letter of segment) {
    const digit = digits.indexOf(letter);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    found.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return found;
}
