import type * as records from "./types.js";

/** Anything that JSON can say. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** What a verified OAuth 2.0 access token says. The secret itself is never here; see `guardhouse-sdk/raw-token`. */
export interface AccessToken extends records.AccessToken {}
export class AccessToken {
  private constructor();

  /** Whether the token holds `scope`, compared as it is: by code point. */
  hasScope(scope: string): boolean;

  /** Whether the token holds each of `scopes`. It always holds each of none. */
  hasScopes(scopes: readonly string[] | ReadonlySet<string>): boolean;

  /** Those of `scopes` that the token lacks, in the order given. */
  missingScopes(scopes: readonly string[] | ReadonlySet<string>): string[];
}

/** The thing being accessed: a tool, a resource, a prompt. */
export interface Component extends records.Component {}
export class Component {
  private constructor();

  /** Whether the component carries `tag`, compared as it is: by code point. */
  hasTag(tag: string): boolean;
}

/**
 * One request, as a check sees it. Every check of one decision sees the same.
 *
 * The methods that take a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) fetch the rest of the
 * request from the host; `""` is the whole document. What is not there is `undefined`; `null` is a value.
 */
export interface AuthContext extends records.AuthContext {
  readonly token: AccessToken | undefined;
  readonly component: Component;
}
export class AuthContext {
  private constructor();

  /** What is being accessed, if it is a tool. */
  get tool(): Component | undefined;

  /** A claim of the token; undefined without a token or without the claim. */
  claim(pointer: string): Json | undefined;

  /**
   * A detail of the component: its title, description, input schema, annotations, meta and whatever else the
   * enforcement point knows of it.
   */
  detail(pointer: string): Json | undefined;

  /** An argument of the call; undefined where nothing is called, as in a list. */
  argument(pointer: string): Json | undefined;

  /** Anything else that the enforcement point sent: headers, peer address, AuthZEN context. */
  attribute(pointer: string): Json | undefined;
}

/**
 * An explicit denial: throw it, and its message reaches the caller exactly as it stands.
 *
 * Whatever else is thrown is a fault of the check. That denies too, but the caller learns nothing of it, and the
 * operator learns everything.
 */
export class AuthorizationError extends Error {
  readonly message: string;

  /** The message must be a string of whole characters; anything else is a `TypeError`, and so a fault. */
  constructor(message: string);
}

/**
 * A check: what a plugin exports as `check`.
 *
 * `true` allows, `false` denies without a word, and an {@link AuthorizationError} denies with a message. It must depend
 * on nothing but its settings and the context, and answer at once: it cannot be async.
 */
export type Check<Settings = undefined> = (ctx: AuthContext, settings: Settings) => boolean;

/**
 * What a plugin may export as `validate`: throws to refuse settings that fit their schema and yet make no sense. The
 * message is for the operator, and the host then refuses to load the check.
 */
export type Validate<Settings> = (settings: Settings) => void;

/**
 * What a plugin may export as `missingScopes`: the scopes that the context lacks. None if it lacks none, and none
 * without a token, which is an authentication problem and not one of scopes.
 *
 * To export this is to promise that scopes are the only reason for which the check answers `false`.
 */
export type MissingScopes<Settings = undefined> = (ctx: AuthContext, settings: Settings) => string[];

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "critical";

/** Words for the operator's log. The caller never sees them. In a unit test they go to standard error. */
export const log: ((level: Level, message: string) => void) & { readonly [level in Level]: (message: string) => void };
