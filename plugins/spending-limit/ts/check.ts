// Allows tokens with every scope, up to a limit on one argument of the call.
import { AuthorizationError, type AuthContext, type Json } from "guardhouse-sdk";

/** The settings, as settings.schema.json describes them. */
export interface Settings {
  readonly scopes: readonly string[];
  readonly suspended?: readonly string[];
  readonly limit?: Limit;
}

interface Limit {
  /** The argument, as a JSON pointer. */
  readonly argument: string;
  /** The maximum. */
  readonly max: number;
}

export function check(ctx: AuthContext, { scopes, suspended = [], limit }: Settings): boolean {
  if (!ctx.token) return false;
  const { clientId } = ctx.token;
  if (suspended.includes(clientId)) throw new AuthorizationError(`client \`${clientId}\` is suspended`);
  if (!ctx.token.hasScopes(scopes)) return false;
  // A list has no arguments to limit.
  if (limit && !ctx.action.endsWith("/list")) mustBeWithin(limit, ctx.argument(limit.argument));
  return true;
}

/** The missing scopes. A plugin that exports this promises that they are its only reason to return `false`. */
export function missingScopes(ctx: AuthContext, { scopes }: Settings): string[] {
  return [...new Set(ctx.token?.missingScopes(scopes))];
}

function mustBeWithin({ argument, max }: Limit, value: Json | undefined): void {
  if (typeof value === "number" && value <= max) return;
  throw new AuthorizationError(`argument \`${argument}\` must be a number of at most ${max}`);
}
