/** Where each line of the bundle comes from. The build puts it here, as JSON. */
const table = "guardhouse:lines";

/**
 * A stack trace with the places of the bundle replaced by those of the source, and without the frames of the SDK.
 *
 * `files` are names, and `lines` has for each line of the bundle the number of its file and its line there, as
 * `file:line`, or nothing for a line of the SDK.
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
