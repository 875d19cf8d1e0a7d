import { text } from "../src/text.js";
import { write } from "./log.js";

function printer(level, stream) {
  return (...values) => write(level, stream, values.map((value) => text(value)).join(" ").toWellFormed());
}

globalThis.console = {
  trace: printer("trace", "stderr"),
  debug: printer("debug", "stdout"),
  log: printer("info", "stdout"),
  info: printer("info", "stdout"),
  warn: printer("warn", "stderr"),
  error: printer("error", "stderr"),
};
