/** The source positions of the bundle, as JSON. The build inserts them here. */
const table = "guardhouse:lines";

const place = /^ *at (?:(.*) )?\(?\/?plugin\.js:(\d+):(\d+)\)?$/;

/**
 * A stack trace with source positions instead of positions in the bundle, and without the frames of the SDK.
 *
 * `files` are names. For each line of the bundle, `lines` has its segments, separated by commas: the column at which
 * the segment begins, its file, and the line and column there, as numbers of base 36, separated by blanks. A segment of
 * the SDK has only the column.
 */
export function inSource(trace, positions = undefined) {
  const lines = trace.split("\n").map((line) => {
    const frame = mapped(line, () => (positions ??= JSON.parse(table)));
    return frame === undefined ? line : frame;
  });
  return lines.filter((line) => line !== null).join("\n");
}

/** The innermost frame of a stack trace that is in the plugin's source; undefined if there is none. */
export function innermost(trace) {
  const positions = JSON.parse(table);
  return trace
    .split("\n")
    .map((line) => mapped(line, () => positions))
    .find((frame) => frame)
    ?.trim();
}

/** A frame in the source: null if it is of the SDK, undefined if the text is not a frame of the bundle. */
function mapped(frame, positions) {
  const found = place.exec(frame);
  if (!found) return undefined;
  const { files, lines } = positions();
  const [file, line, column] = sourceOf(lines[found[2] - 1] ?? "", found[3] - 1);
  if (file === undefined) return null;
  return `    at ${found[1] ?? "<anonymous>"} (${files[file]}:${line + 1}:${column + 1})`;
}

/** The last segment that begins at or before a column. */
function sourceOf(segments, column) {
  let found = [];
  for (const segment of segments.split(",")) {
    const [start, ...source] = segment.split(" ").map((digits) => parseInt(digits, 36));
    if (start > column && found.length > 0) break;
    found = source;
  }
  return found;
}
