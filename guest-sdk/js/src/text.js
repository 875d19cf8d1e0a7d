import { inspect } from "./inspect.js";

/** Any value as readable text. It does not throw. `inSource` maps the stacks of errors. */
export function text(value, inSource) {
  try {
    return typeof value === "string" ? value : inspect(value, inSource);
  } catch {
    return "a value that cannot be written as text";
  }
}

/** The arguments of a method of `console` as text: with placeholders such as `%s` in the first, as in Node. */
export function format(values, inSource) {
  const rest = [...values];
  let start = "";
  if (typeof rest[0] === "string" && rest.length > 1) {
    start = rest.shift().replace(/%[sdifjoOc%]/g, (mark) => {
      if (mark === "%%") return "%";
      return rest.length === 0 ? mark : filled(mark, rest.shift(), inSource);
    });
    rest.unshift(start);
  }
  return rest.map((value) => text(value, inSource)).join(" ");
}

function filled(mark, value, inSource) {
  try {
    switch (mark) {
      case "%d":
        return typeof value === "object" ? "NaN" : text(typeof value === "bigint" ? value : Number(value));
      case "%i":
        return `${parseInt(value, 10)}`;
      case "%f":
        return `${parseFloat(value)}`;
      case "%j":
        return JSON.stringify(value) ?? "undefined";
      case "%c":
        return "";
      default:
        return text(value, inSource);
    }
  } catch {
    return mark;
  }
}
