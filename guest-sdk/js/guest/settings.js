import { frozen } from "../src/frozen.js";
import { parseExactly } from "../src/json.js";
import { text } from "../src/text.js";
import { begin } from "./begin.js";
import { fault, report } from "./fault.js";
import { innermost } from "./lines.js";
import { write } from "./log.js";
import { mustBeFunction, wrongAnswer } from "./wrong-answer.js";

/** The settings of this instance, once it is configured. */
let current;
let configured = false;

/** The settings of a plugin that has settings. */
export function givenSettings() {
  return configured ? current : fault(new Error("the plugin was called before it was configured"));
}

/** The settings of a plugin without settings. */
export function noSettings() {}

/** The export of a plugin with settings. `configure` throws a string, which is for the operator. */
export function settingsExport(schema, validate = () => {}) {
  mustBeFunction("validate", validate);
  return {
    schema: () => schema,
    configure(json) {
      begin();
      if (configured) throw "the plugin is already configured";
      try {
        current = frozen(parseExactly(json));
        const answer = validate(current);
        if (answer !== undefined)
          throw wrongAnswer("validate must throw to reject settings, and return nothing", answer);
      } catch (thrown) {
        write("error", "exception", report(thrown));
        throw refusal(thrown);
      }
      configured = true;
    },
  };
}

/** The message for the host about rejected settings. It is always a string: the bindings take nothing else. */
function refusal(thrown) {
  try {
    // The author rarely means these as a rejection, so they also name the line.
    const isMistake = thrown instanceof TypeError || thrown instanceof ReferenceError;
    const where = isMistake ? innermost(thrown.stack) : undefined;
    return text(thrown?.message ?? thrown).toWellFormed() + (where ? `, ${where}` : "");
  } catch {
    return text(thrown).toWellFormed();
  }
}
