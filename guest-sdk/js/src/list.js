/** The elements of an array or a set. A string is none: it would pass for the list of its letters. */
export function list(elements) {
  if (Array.isArray(elements)) return elements;
  if (elements instanceof Set) return [...elements];
  throw new TypeError("an array or a set of strings is needed");
}
