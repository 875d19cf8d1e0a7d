import { text } from "../src/text.js";

/** The error for an invalid return value of a function of the plugin. */
export function wrongAnswer(rule, answer) {
  const promise = typeof answer?.then === "function";
  const what = promise
    ? "a promise (it cannot be async)"
    : answer === undefined
      ? "nothing"
      : `${typeof answer} ${text(answer)}`;
  return new TypeError(`${rule}, not ${what}`);
}

/** Throws while the module is loaded, so that the build reports it to the author. */
export function mustBeFunction(name, value) {
  if (typeof value !== "function") throw wrongAnswer(`${name} must be a function`, value);
  if (isAsync(Function.prototype.toString.call(value))) throw new TypeError(`${name} must return its answer: it cannot be async, nor a generator`);
}

/** Whether a function with this text is asynchronous or a generator. The build compiles `async` to a call of `__async`. */
export function isAsync(source) {
  const isCompiled = /^(?:[^{]*\{\s*return|[^{]*=>\s*(?:\{\s*return)?)\s+__async(?:Generator)?\d*\(/.test(source);
  return isCompiled || /^(?:async\b|(?:function)?\s*\*)/.test(source);
}
