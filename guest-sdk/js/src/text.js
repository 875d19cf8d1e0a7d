/** The number of causes of an error that are described: an error can be its own cause. */
const mostCauses = 8;

/** Any value as readable text. It does not throw. */
export function text(value, causes = mostCauses) {
  try {
    if (typeof value === "string") return value;
    if (value instanceof Error) return errorText(value, causes);
    if (typeof value === "object" && value !== null) return JSON.stringify(value) ?? String(value);
    return String(value);
  } catch {
    return "a value that cannot be written as text";
  }
}

function errorText(error, causes) {
  const cause = error.cause === undefined || causes === 0 ? "" : `\ncaused by ${text(error.cause, causes - 1)}`;
  return `${error.name}: ${error.message}\n${error.stack ?? ""}`.trimEnd() + cause;
}
