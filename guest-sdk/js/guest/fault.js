import { text } from "../src/text.js";
import { inSource } from "./lines.js";
import { write } from "./log.js";

/** How many characters of a report the log can take, whatever they are. */
const longest = 16_000;

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
    return shortened(what + inSource(text(thrown))).toWellFormed();
  } catch {
    return "something was thrown that cannot be written as text";
  }
}

function shortened(report) {
  if (report.length <= longest) return report;
  const half = longest / 2;
  return `${report.slice(0, half)}\n… ${report.length - longest} characters …\n${report.slice(-half)}`;
}
