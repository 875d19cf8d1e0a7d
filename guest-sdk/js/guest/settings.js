import { frozen } from "../src/frozen.js";
import { text } from "../src/text.js";
import { begin } from "./begin.js";
import { fault, report } from "./fault.js";
import { write } from "./log.js";
import { mustBeFunction, wrongAnswer } from "./wrong-answer.js";

/** The settings of this instance, once it is configured. */
let current;
let configured = false;

/** The settings of a plugin that takes some. */
export function givenSettings() {
  return configured ? current : fault(new Error("the plugin was asked before it was configured"));
}

/** The settings of a plugin that takes none. */
export function noSettings() {}

/** The export of a plugin with settings. What `configure` throws is text for the operator. */
export function settingsExport(schema, validate = () => {}) {
  mustBeFunction("validate", validate);
  return {
    schema: () => schema,
    configure(json) {
      begin();
      if (configured) throw "the plugin was configured before";
      try {
        current = frozen(JSON.parse(json));
        const answer = validate(current);
        if (answer !== undefined)
          throw wrongAnswer("validate must throw to refuse settings, and answer nothing", answer);
      } catch (thrown) {
        write("error", "exception", report(thrown));
        throw refusal(thrown);
      }
      configured = true;
    },
  };
}

/** What the host is told of settings that were refused: a text, whatever was thrown. The bindings take no other. */
function refusal(thrown) {
  try {
    return text(thrown?.message ?? thrown).toWellFormed();
  } catch {
    return text(thrown).toWellFormed();
  }
}
