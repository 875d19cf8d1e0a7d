/** Where there is no host, as in a unit test, words for the operator go to standard error. */
export function write(level, context, message) {
  process.stderr.write(`${level} ${context}: ${message}\n`);
}
