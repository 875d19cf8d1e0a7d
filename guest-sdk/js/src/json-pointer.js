import { parseExactly } from "./json.js";

/** A copy of the value at `pointer` (RFC 6901) in `document`; undefined if it finds nothing. */
export function pointed(document, pointer) {
  if (document === undefined) return undefined;
  const names = pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  const copy = JSON.parse(JSON.stringify(document));
  const found = names.reduce(member, copy);
  return found === undefined ? undefined : parseExactly(JSON.stringify(found));
}

function member(value, name) {
  if (Array.isArray(value)) return /^(0|[1-9][0-9]*)$/.test(name) ? value[name] : undefined;
  if (typeof value === "object" && value !== null) return Object.hasOwn(value, name) ? value[name] : undefined;
  return undefined;
}
