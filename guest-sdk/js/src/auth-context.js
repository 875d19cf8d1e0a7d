/** The source of the documents of `ctx`. */
export let documents;

export class AuthContext {
  #documents;

  constructor(token, component, action, now, documents) {
    this.#documents = documents;
    this.token = token;
    this.component = component;
    this.action = action;
    this.now = now;
  }

  get tool() {
    return this.component.kind === "tool" ? this.component : undefined;
  }

  claim(pointer) {
    return this.#documents.claim(text(pointer));
  }

  detail(pointer) {
    return this.#documents.detail(text(pointer));
  }

  argument(pointer) {
    return this.#documents.argument(text(pointer));
  }

  attribute(pointer) {
    return this.#documents.attribute(text(pointer));
  }

  static {
    documents = (ctx) => ctx.#documents;
  }
}

function text(pointer) {
  if (typeof pointer !== "string" || !pointer.isWellFormed()) throw new TypeError("a JSON pointer must be a string");
  if ((pointer !== "" && !pointer.startsWith("/")) || /~(?![01])/.test(pointer)) {
    throw new TypeError(`\`${pointer}\` is not a JSON pointer: it must begin with \`/\`, with 0 or 1 after each \`~\``);
  }
  return pointer;
}
