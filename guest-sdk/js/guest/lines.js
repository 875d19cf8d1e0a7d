/** The source positions of the bundle, as JSON. The build inserts them here. */
const table = "guardhouse:lines";

/**
 * A stack trace with source positions instead of positions in the bundle, and without the frames of the SDK.
 *
 * `files` are names. For each line of the bundle, `lines` has its segments, separated by commas: the column at which the
 * segment begins, its file, and the line and column there, as numbers of base 36, separated by blanks. A segment of the
 * SDK has only the column.
 */
export function inSource(trace, positions = undefined) {
  const place = /^( *)at (?:(.*) )?\(?\/?plugin\.js:(\d+):(\d+)\)?$/;
  return trace
    .split("\n")
    .flatMap((frame) => {
      const found = place.exec(frame);
      if (!found) return [frame];
      const { files, lines } = (positions ??= JSON.parse(table));
      const [file, line, column] = sourceOf(lines[found[3] - 1] ?? "", found[4] - 1);
      return file === undefined ? [] : [`    at ${found[2] ?? "<anonymous>"} (${files[file]}:${line + 1}:${column + 1})`];
    })
    .join("\n");
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
