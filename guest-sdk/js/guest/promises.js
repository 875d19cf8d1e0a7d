const RealPromise = Promise;
let areForbidden = false;

/**
 * Makes the creation of promises throw from now on. Nothing would await one, so the answer of a check that relies on
 * one is invalid. The build compiles `async` functions to functions that create a promise.
 *
 * While the module is loaded, promises work, for libraries that initialize themselves with them.
 */
export function forbidPromises() {
  areForbidden = true;
}

globalThis.Promise = new Proxy(RealPromise, {
  construct(...call) {
    if (areForbidden) throw new TypeError("a plugin cannot use promises or `async`");
    return Reflect.construct(...call);
  },
});
RealPromise.prototype.constructor = Promise;
