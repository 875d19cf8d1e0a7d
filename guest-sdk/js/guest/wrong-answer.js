import { text } from "../src/text.js";

/** What to throw when a function of the plugin answered what it must not. */
export function wrongAnswer(rule, answer) {
  const promise = typeof answer?.then === "function";
  const what = promise
    ? "a promise (it cannot be async)"
    : answer === undefined
      ? "nothing"
      : `${typeof answer} ${text(answer)}`;
  return new TypeError(`${rule}, not ${what}`);
}

/** Said while the module is loaded, so that the build tells the author. */
export function mustBeFunction(name, value) {
  if (typeof value !== "function") throw wrongAnswer(`${name} must be a function`, value);
}
