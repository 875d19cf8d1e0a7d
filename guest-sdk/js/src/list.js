/** The elements of an array or a set. A string is an error, although its letters can be iterated. */
export function list(elements) {
  if (Array.isArray(elements)) return elements;
  if (elements instanceof Set) return [...elements];
  throw new TypeError("expected an array or a set of strings");
}
