import { isAbsolute, relative, resolve } from "node:path";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The source positions of a bundle, from its source map, in the form that `guest/lines.js` reads. Positions in files of
 * the SDK are omitted.
 */
export function lineTable({ sources, mappings }, folder, sdk) {
  const files = sources.map((source) => nameOf(resolve(folder, source), folder, sdk));
  let [file, line, column] = [0, 0, 0];
  const lines = mappings.split(";").map((segments) => {
    let start = 0;
    const positions = [];
    for (const segment of segments.split(",").map(numbers)) {
      if (segment.length < 4) continue;
      start += segment[0];
      file += segment[1];
      line += segment[2];
      column += segment[3];
      const position = files[file] ? [start, file, line, column] : [start];
      // A segment of the SDK that follows another says nothing new.
      if (position.length > 1 || positions.at(-1)?.length !== 1) positions.push(position);
    }
    return positions.map((position) => position.map((number) => number.toString(36)).join(" ")).join(",");
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
