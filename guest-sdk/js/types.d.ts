// The records of guardhouse:auth@0.1.0. Generated from wit/; do not edit.

/** What a verified OAuth 2.0 access token says. The secret itself is never here; see `raw-token`. */
export interface AccessToken {
  /** The OAuth client that presented the token (RFC 9068 `client_id`). */
  readonly clientId: string;
  /** Who the token speaks for (RFC 7519 `sub`); none for a client acting for itself. */
  readonly subject: string | undefined;
  /** The scopes granted, compared as they are: by code point, with no order and no hierarchy. */
  readonly scopes: readonly string[];
  /**
   * Seconds since the Unix epoch; none if the token never expires. Expiry was checked by whoever
   * verified the token, not by the host.
   */
  readonly expiresAt: number | undefined;
  /** The resource that the token was issued for (RFC 8707). */
  readonly resourceIndicator: string | undefined;
}

/** The thing being accessed. "component" is the Model Context Protocol's word, not WebAssembly's. */
export interface Component {
  /** "tool", "resource", "resource-template", "prompt", or any other kind that a caller names. */
  readonly kind: string;
  /** The name, unique within its kind. */
  readonly name: string;
  /** The URI of a resource, or the URI template of a resource template. */
  readonly uri: string | undefined;
  /** The version, where the component has one. */
  readonly version: string | undefined;
  /** The labels its author gave it. Labels inside `meta` are not among them. */
  readonly tags: readonly string[];
}

/** One request. Every check of one decision is given the same. */
export interface AuthContext {
  /** None if the caller did not authenticate. */
  readonly token: AccessToken | undefined;
  /** What is being accessed. */
  readonly component: Component;
  /** What is being done with it, for example "tools/call" or "tools/list". */
  readonly action: string;
  /**
   * Seconds since the Unix epoch, the same for every check of one decision. It is the only clock:
   * WASI clocks, where a language's runtime asks for them, start at this instant and do not follow the world's.
   */
  readonly now: number;
}

/** An explicit denial. */
export interface AuthorizationError {
  /** Reaches the caller exactly as it stands: not trimmed, not escaped. */
  readonly message: string;
}
