import { format } from "../src/text.js";
import { inSource } from "./lines.js";
import { write } from "./log.js";

function printer(level, stream) {
  return (...values) => write(level, stream, format(values, inSource).toWellFormed());
}

globalThis.console = {
  trace: printer("trace", "stderr"),
  debug: printer("debug", "stdout"),
  log: printer("info", "stdout"),
  info: printer("info", "stdout"),
  warn: printer("warn", "stderr"),
  error: printer("error", "stderr"),
};
