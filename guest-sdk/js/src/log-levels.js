import { write } from "#log";

const levels = ["trace", "debug", "info", "warn", "error", "critical"];

export function log(level, message) {
  if (!levels.includes(level)) throw new TypeError(`log level ${String(level)} does not exist`);
  write(level, "", String(message).toWellFormed());
}

for (const level of levels) {
  log[level] = (message) => log(level, message);
}
