/** JSON that cannot be changed, so that nothing is carried from one call to the next in it. */
export function frozen(value) {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
