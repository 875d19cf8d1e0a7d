// Allows tokens with every scope, up to a limit on one argument of the call.
import { AuthorizationError } from "guardhouse-sdk";

/**
 * The settings, as settings.schema.json describes them.
 *
 * @typedef {object} Settings
 * @property {string[]} scopes
 * @property {string[]} [suspended]
 * @property {{ argument: string, max: number }} [limit]
 */

/** @type {import("guardhouse-sdk").Check<Settings>} */
export function check(ctx, { scopes, suspended = [], limit }) {
  if (!ctx.token) return false;
  const { clientId } = ctx.token;
  if (suspended.includes(clientId)) throw new AuthorizationError(`client \`${clientId}\` is suspended`);
  if (!ctx.token.hasScopes(scopes)) return false;
  // A list has no arguments to limit.
  if (limit && !ctx.action.endsWith("/list")) mustBeWithin(limit, ctx.argument(limit.argument));
  return true;
}

/**
 * The missing scopes. A plugin that exports this promises that they are its only reason to return `false`.
 *
 * @type {import("guardhouse-sdk").MissingScopes<Settings>}
 */
export function missingScopes(ctx, { scopes }) {
  return [...new Set(ctx.token?.missingScopes(scopes))];
}

/**
 * @param {{ argument: string, max: number }} limit
 * @param {import("guardhouse-sdk").Json | undefined} value
 */
function mustBeWithin({ argument, max }, value) {
  if (typeof value === "number" && value <= max) return;
  throw new AuthorizationError(`argument \`${argument}\` must be a number of at most ${max}`);
}
