import type { AuthContext, Json } from "./index.js";

/** The properties of a token. By default its client is `client`, and it has no scopes, no claims, and nothing else. */
export interface TokenOptions {
  readonly clientId?: string | undefined;
  readonly subject?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** Seconds since the Unix epoch. */
  readonly expiresAt?: number | undefined;
  readonly resourceIndicator?: string | undefined;
  readonly claims?: { readonly [name: string]: Json } | undefined;
  /** The bearer secret, for `guardhouse-sdk/raw-token`. */
  readonly raw?: string | undefined;
}

/** The properties of a request. By default there is no token, tag, argument, detail or attribute, and the time is 0. */
export interface ContextOptions {
  readonly token?: TokenOptions | undefined;
  readonly action?: string | undefined;
  /** Seconds since the Unix epoch. */
  readonly now?: number | undefined;
  readonly uri?: string | undefined;
  readonly version?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly detail?: { readonly [name: string]: Json } | undefined;
  readonly arguments?: Json | undefined;
  readonly attributes?: { readonly [name: string]: Json } | undefined;
}

/** A call of the tool `name`: the action is `tools/call`. */
export function tool(name: string, options?: ContextOptions): AuthContext;

/** A read of the resource `name` at `uri`: the action is `resources/read`. */
export function resource(name: string, uri: string, options?: ContextOptions): AuthContext;

/** A use of the prompt `name`: the action is `prompts/get`. */
export function prompt(name: string, options?: ContextOptions): AuthContext;

/** An access to a component of any kind: the action is empty. */
export function component(kind: string, name: string, options?: ContextOptions): AuthContext;

/** Settings as a check receives them: a frozen copy. */
export function settings<Settings>(settings: Settings): Settings;
