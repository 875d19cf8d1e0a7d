import { text } from "../src/text.js";
import { inSource } from "./lines.js";
import { write } from "./log.js";

/**
 * Tells the operator what the plugin threw, and ends the call in a trap: a denial of which the caller learns nothing.
 *
 * A log level that does not exist traps within the bindings, where no code of the plugin can catch it. So does, to be
 * safe, a number that is thrown at them.
 */
export function fault(thrown) {
  write("critical", "exception", report(thrown));
  write("trap", "", "");
  throw 0;
}

/** The type, the message and the stack of what was thrown, which may be anything. */
export function report(thrown) {
  try {
    const what = thrown instanceof Error ? "" : "no Error was thrown, but: ";
    return (what + inSource(text(thrown))).toWellFormed();
  } catch {
    return "something was thrown that cannot be written as text";
  }
}
