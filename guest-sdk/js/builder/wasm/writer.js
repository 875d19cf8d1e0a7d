/** A number in the binary format of WebAssembly. */
export function number(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Buffer.from([...bytes, value]);
}

export function name(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([number(bytes.length), bytes]);
}

export function vector(elements) {
  return Buffer.concat([number(elements.length), ...elements]);
}

export function section(id, body) {
  return Buffer.concat([Buffer.from([id]), number(body.length), body]);
}

/** A section with one entry, the concatenation of the parts. */
export function one(id, ...parts) {
  return section(id, vector([Buffer.concat(parts.map((part) => Buffer.from(part)))]));
}
