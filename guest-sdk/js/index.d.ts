import type * as records from "./types.js";

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A verified OAuth 2.0 access token. It does not contain the bearer secret; see `guardhouse-sdk/raw-token`. */
export interface AccessToken extends records.AccessToken {}
export class AccessToken {
  private constructor();

  /** Whether the token holds `scope`, compared by code point. */
  hasScope(scope: string): boolean;

  /** Whether the token holds all `scopes`; true if there are none. */
  hasScopes(scopes: readonly string[] | ReadonlySet<string>): boolean;

  /** The scopes among `scopes` that the token lacks, in the order given. */
  missingScopes(scopes: readonly string[] | ReadonlySet<string>): string[];
}

/** The component being accessed: a tool, a resource, a prompt. */
export interface Component extends records.Component {}
export class Component {
  private constructor();

  /** Whether the component has `tag`, compared by code point. */
  hasTag(tag: string): boolean;
}

/**
 * One request, as a check sees it. It is the same for every check of one decision.
 *
 * The methods that take a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) fetch a part of the request
 * from the host; `""` is the whole document. They return `undefined` if the pointer finds nothing; `null` is a value.
 */
export interface AuthContext extends records.AuthContext {
  readonly token: AccessToken | undefined;
  readonly component: Component;
}
export class AuthContext {
  private constructor();

  /** The component being accessed, if it is a tool. */
  get tool(): Component | undefined;

  /** A claim of the token; undefined without a token or without the claim. */
  claim(pointer: string): Json | undefined;

  /**
   * A detail of the component: its title, description, input schema, annotations, meta and anything else that the
   * enforcement point knows of it.
   */
  detail(pointer: string): Json | undefined;

  /** An argument of the call; undefined if the action is not a call, for example a list. */
  argument(pointer: string): Json | undefined;

  /** An attribute of the request that the enforcement point sent: a header, the peer address, AuthZEN context. */
  attribute(pointer: string): Json | undefined;
}

/**
 * A denial with a message. Throw it: the message reaches the caller unchanged.
 *
 * Any other thrown value is a fault of the check. A fault denies too, but the caller does not see it, and the
 * operator's log shows it in full.
 */
export class AuthorizationError extends Error {
  readonly message: string;

  /** The message must be a well-formed string; anything else throws a `TypeError`, which is a fault. */
  constructor(message: string);
}

/**
 * The function that a plugin exports as `check`.
 *
 * `true` allows, `false` denies without a message, and an {@link AuthorizationError} denies with a message. A check
 * must depend only on its settings and the context. It cannot be async.
 */
export type Check<Settings = undefined> = (ctx: AuthContext, settings: Settings) => boolean;

/**
 * The function that a plugin may export as `validate`. It throws to reject settings that match their schema but make no
 * sense. The message is for the operator, and the host does not make the check.
 */
export type Validate<Settings> = (settings: Settings) => void;

/**
 * The function that a plugin may export as `missingScopes`. It returns the scopes that the context lacks. The array is
 * empty without a token, because the caller must authenticate first.
 *
 * A plugin that exports it promises that missing scopes are the only reason why the check returns `false`.
 */
export type MissingScopes<Settings = undefined> = (ctx: AuthContext, settings: Settings) => string[];

/**
 * The functions that the host calls, which are the exports of a plugin. In TypeScript, `plugin satisfies PluginModule`
 * compares the module `plugin` with them.
 */
export interface PluginModule {
  readonly check: Check<any>;
  readonly validate?: Validate<any>;
  readonly missingScopes?: MissingScopes<any>;
}

declare global {
  /** The only global of a plugin that is not part of the language. It writes to the operator's log. */
  interface Console {
    /** Writes at the level `trace`. */
    trace(...values: any[]): void;
    /** Writes at the level `debug`. */
    debug(...values: any[]): void;
    /** Writes at the level `info`. */
    log(...values: any[]): void;
    /** Writes at the level `info`. */
    info(...values: any[]): void;
    /** Writes at the level `warn`. */
    warn(...values: any[]): void;
    /** Writes at the level `error`. */
    error(...values: any[]): void;
  }
  var console: Console;
}

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "critical";

/** Writes to the operator's log, which the caller never sees. In a unit test, it writes to standard error. */
export const log: ((level: Level, message: string) => void) & { readonly [level in Level]: (message: string) => void };
