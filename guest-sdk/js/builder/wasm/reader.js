/** The sections of a component, by their ids. */
export const [
  CUSTOM,
  MODULE,
  CORE_INSTANCE,
  CORE_TYPE,
  COMPONENT,
  INSTANCE,
  ALIAS,
  TYPE,
  CANON,
  START,
  IMPORT,
  EXPORT,
] = Array(12).keys();

/** Reads the binary format of WebAssembly, from the start of `bytes`. */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get done() {
    return this.at >= this.bytes.length;
  }

  byte() {
    if (this.done) throw new Error("the component ends too early");
    return this.bytes[this.at++];
  }

  /** An unsigned number, or a signed one whose value does not matter. */
  number() {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) return value;
    }
  }

  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  name() {
    return Buffer.from(this.take(this.number())).toString();
  }

  /** A vector, each element read by `element`. */
  vector(element) {
    return Array.from({ length: this.number() }, () => element());
  }

  /** What `read` returns, and the bytes that it read. */
  spanned(read) {
    const start = this.at;
    const value = read();
    return { value, bytes: this.bytes.subarray(start, this.at) };
  }
}

/** The sections of a module or component. */
export function* sections(binary) {
  const reader = new Reader(binary);
  reader.take(8);
  while (!reader.done) {
    const id = reader.byte();
    yield { id, body: reader.take(reader.number()) };
  }
}
