/** The message of `thrown` if it is an explicit denial, whatever it looks like; otherwise undefined. */
export let denial;

export class AuthorizationError extends Error {
  #denial;

  constructor(message) {
    // What is no text was not meant for the caller: an error that was handed on by mistake, for example.
    if (typeof message !== "string") throw new TypeError("the message of an AuthorizationError must be a string");
    if (!message.isWellFormed()) throw new TypeError("the message of an AuthorizationError holds half a character");
    super(message);
    this.#denial = message;
    Object.defineProperty(this, "message", { value: message, writable: false, configurable: false });
  }

  static {
    denial = (thrown) =>
      typeof thrown === "object" && thrown !== null && #denial in thrown ? thrown.#denial : undefined;
  }
}

Object.defineProperty(AuthorizationError.prototype, "name", {
  value: "AuthorizationError",
  writable: true,
  configurable: true,
});
