// The records of guardhouse:auth@0.1.0. Generated from wit/; do not edit.

/** A verified OAuth 2.0 access token, without the secret itself, for which see `raw-token`. */
export interface AccessToken {
  /** The OAuth client that presented the token (RFC 9068 `client_id`). */
  readonly clientId: string;
  /** The user for whom the token speaks (RFC 7519 `sub`); none for a client that acts for itself. */
  readonly subject: string | undefined;
  /** The scopes granted. Scopes are equal if their code points are; they have no order and no hierarchy. */
  readonly scopes: readonly string[];
  /**
   * Seconds since the Unix epoch; none if the token never expires. The verifier of the token checks the expiry; the
   * host does not.
   */
  readonly expiresAt: number | undefined;
  /** The resource that the token was issued for (RFC 8707). */
  readonly resourceIndicator: string | undefined;
}

/** The thing being accessed. "Component" is the Model Context Protocol's term here, not WebAssembly's. */
export interface Component {
  /** "tool", "resource", "resource-template", "prompt", or any other kind; see `docs/request.md`. */
  readonly kind: string;
  /** The name, unique within its kind. */
  readonly name: string;
  /** The URI of a resource, or the URI template of a resource template. */
  readonly uri: string | undefined;
  /** The version, if the component has one. */
  readonly version: string | undefined;
  /** The labels that its author gave it. Labels inside `detail` are not among them. */
  readonly tags: readonly string[];
}

/** One request. Every check of one decision gets the same. */
export interface AuthContext {
  /** The verified token; none if the caller did not authenticate. */
  readonly token: AccessToken | undefined;
  /** The thing being accessed. */
  readonly component: Component;
  /** The operation, for example "tools/call" or "tools/list"; empty if it is unknown. See `docs/request.md`. */
  readonly action: string;
  /**
   * Seconds since the Unix epoch, the same for every check of one decision. A check has no other clock: WASI clocks,
   * which some languages' runtimes import, start at this instant and do not follow real time.
   */
  readonly now: number;
}

/** A denial with a message. */
export interface AuthorizationError {
  /** The text for the caller, who gets it exactly as it stands: not trimmed, not escaped. */
  readonly message: string;
}
