/** The source position of each line of the bundle, as JSON. The build inserts it here. */
const table = "guardhouse:lines";

/**
 * A stack trace with source positions instead of positions in the bundle, and without the frames of the SDK.
 *
 * `files` are names. For each line of the bundle, `lines` has the index of its file and the line there, as `file:line`,
 * or an empty string for a line of the SDK.
 */
export function inSource(trace, { files, lines } = JSON.parse(table)) {
  const place = /^ *at (?:(.*) )?\(?\/?plugin\.js:(\d+):\d+\)?$/;
  return trace
    .split("\n")
    .flatMap((frame) => {
      const found = place.exec(frame);
      if (!found) return [frame];
      const [file, line] = lines[found[2] - 1]?.split(":") ?? [];
      return file ? [`    at ${found[1] ?? "<anonymous>"} (${files[file]}:${line})`] : [];
    })
    .join("\n");
}
