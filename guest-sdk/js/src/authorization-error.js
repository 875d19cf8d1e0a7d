/** The message of `thrown` if it really is an AuthorizationError; undefined if it only looks like one. */
export let denial;

export class AuthorizationError extends Error {
  #denial;

  constructor(message) {
    // Another type was not meant for the caller: an error that was passed on by mistake, for example.
    if (typeof message !== "string") throw new TypeError("the message of an AuthorizationError must be a string");
    if (!message.isWellFormed()) throw new TypeError("the message of an AuthorizationError is not well-formed");
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
