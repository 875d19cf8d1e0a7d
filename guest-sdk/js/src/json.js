/** The largest integer that a number distinguishes from its neighbors, in digits. */
const largest = "9007199254740992";

/**
 * Parses JSON whose integers a number can represent exactly. Others would be rounded, and two different ones could be
 * equal, so they are an error.
 */
export function parseExactly(json) {
  const value = JSON.parse(json);
  const rounded = roundedInteger(json);
  if (rounded !== undefined) throw new RangeError(`the integer ${rounded} is beyond 2^53, and a number would round it`);
  return value;
}

/** The first integer in valid JSON that is beyond 2^53. */
function roundedInteger(json) {
  // Most documents have no long integers, also within strings.
  if (!/[0-9]{16}/.test(json)) return undefined;
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    const end = quote < 0 ? json.length : quote;
    for (const [number] of json.slice(at, end).matchAll(/-?[0-9][0-9.eE+-]*/g)) {
      if (isRounded(number)) return number;
    }
    at = quote < 0 ? json.length : afterString(json, quote);
  }
  return undefined;
}

function isRounded(number) {
  if (!/^-?[0-9]+$/.test(number)) return false;
  const digits = number.replace("-", "");
  return digits.length > largest.length || (digits.length === largest.length && digits > largest);
}

/** The position after the string that begins at `quote`. */
function afterString(json, quote) {
  let at = quote + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}
