/** Writes to standard error, because there is no host, for example in a unit test. */
export function write(level, context, message) {
  process.stderr.write(`${level} ${context}: ${message}\n`);
}
