import logging from "wasi:logging/logging@0.1.0-draft";

const { log } = logging;

/** Messages from the loading of the module. It happens at build time, when there is no host to log them. */
const early = [];
let hasHost = false;

/** Writes to the operator's log. */
export function write(level, context, message) {
  if (hasHost) log(level, context, message);
  else early.push([level, context, message]);
}

/** Logs the messages so far: from now on there is a host. */
export function openLog() {
  if (hasHost) return;
  hasHost = true;
  if (early.length > 0) early.forEach((entry) => log(...entry));
}
