import { denial } from "../src/authorization-error.js";
import { begin } from "./begin.js";
import { contextOf } from "./context.js";
import { fault } from "./fault.js";
import { mustBeFunction, wrongAnswer } from "./wrong-answer.js";

/** The export of every plugin, with the parameters of `builder/parts.js`. Only a boolean and an AuthorizationError are valid answers. */
export function checkExport(check, settings) {
  mustBeFunction("check", check);
  return (token, kind, name, uri, version, tags, action, now) => {
    begin();
    try {
      const answer = check(contextOf(token, kind, name, uri, version, tags, action, now), settings());
      if (answer === true || answer === false) return answer;
      throw wrongAnswer("check must return true or false", answer);
    } catch (thrown) {
      const message = denial(thrown);
      if (message === undefined) fault(thrown);
      // The bindings take this array as the error. They are never thrown any other object.
      throw [message];
    }
  };
}

/** The export of a plugin that names missing scopes. */
export function stepUpExport(missingScopes, settings) {
  mustBeFunction("missingScopes", missingScopes);
  return (token, kind, name, uri, version, tags, action, now) => {
    begin();
    try {
      const answer = missingScopes(contextOf(token, kind, name, uri, version, tags, action, now), settings());
      if (!Array.isArray(answer)) throw wrongAnswer("missingScopes must return an array of strings", answer);
      return answer.map(scope);
    } catch (thrown) {
      fault(thrown);
    }
  };
}

function scope(value) {
  if (typeof value === "string" && value.isWellFormed()) return value;
  throw wrongAnswer("a missing scope must be a well-formed string", value);
}
