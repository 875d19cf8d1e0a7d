const RealPromise = Promise;
let areForbidden = false;

/**
 * From here on there are no promises: nobody would look at what becomes of one, and a check that left a part of its
 * decision to it must not be believed. The build writes `async` functions as functions that make a promise.
 *
 * While the module is loaded there are some, for libraries that prepare themselves with them.
 */
export function forbidPromises() {
  areForbidden = true;
}

globalThis.Promise = new Proxy(RealPromise, {
  construct(...call) {
    if (areForbidden) throw new TypeError("a plugin has no promises: it answers at once, without `async`");
    return Reflect.construct(...call);
  },
});
RealPromise.prototype.constructor = Promise;
