import { text } from "../src/text.js";
import { inSource } from "./lines.js";
import { write } from "./log.js";

/** The number of characters of a report that always fits into the log. */
const longest = 16_000;

/**
 * Logs the exception of the plugin, and ends the call in a trap, which denies without showing the caller anything.
 *
 * An invalid log level traps within the bindings, where the plugin cannot catch it. As a second safeguard, a number is
 * thrown, which traps there as well.
 */
export function fault(thrown) {
  write("critical", "exception", report(thrown));
  write("trap", "", "");
  throw 0;
}

/** The type, the message and the stack of a thrown value, which may be of any type. */
export function report(thrown) {
  try {
    const what = thrown instanceof Error ? "" : "thrown, and not an Error: ";
    return shortened(what + text(thrown, inSource)).toWellFormed();
  } catch {
    return "the thrown value cannot be written as text";
  }
}

function shortened(report) {
  if (report.length <= longest) return report;
  const half = longest / 2;
  return `${report.slice(0, half)}\n… ${report.length - longest} characters …\n${report.slice(-half)}`;
}
