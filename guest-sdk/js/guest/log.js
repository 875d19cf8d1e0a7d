import logging from "wasi:logging/logging@0.1.0-draft";

const { log } = logging;

/** What was written while the module was loaded. That is when the plugin is built, and there is no host to hear it. */
const early = [];
let isHeard = false;

/** Writes to the operator's log. */
export function write(level, context, message) {
  if (isHeard) log(level, context, message);
  else early.push([level, context, message]);
}

/** From here on there is a host. */
export function openLog() {
  if (isHeard) return;
  isHeard = true;
  if (early.length > 0) early.forEach((entry) => log(...entry));
}
