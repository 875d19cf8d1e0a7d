/** Any value as text for a person. It does not throw. */
export function text(value) {
  try {
    if (typeof value === "string") return value;
    if (value instanceof Error) return errorText(value);
    if (typeof value === "object" && value !== null) return JSON.stringify(value) ?? String(value);
    return String(value);
  } catch {
    return "something that cannot be written as text";
  }
}

function errorText(error) {
  const cause = error.cause === undefined ? "" : `\ncaused by ${text(error.cause)}`;
  return `${error.name}: ${error.message}\n${error.stack ?? ""}`.trimEnd() + cause;
}
