// Code that the types must accept, and code that they must reject. `npm run types` checks it.
import { AuthorizationError, log, type Check, type Json, type MissingScopes, type PluginModule, type Validate } from "guardhouse-sdk";
import { rawToken } from "guardhouse-sdk/raw-token";
import { settings, tool } from "guardhouse-sdk/testing";

interface Settings {
  readonly scopes: readonly string[];
}

export const check: Check<Settings> = (ctx, { scopes }) => {
  if (ctx.token?.clientId === "mallory") throw new AuthorizationError("suspended");
  log.info(`${ctx.tool?.name} at ${ctx.now + 1}`);
  log("critical", rawToken(ctx) ?? "none");
  const amount: Json | undefined = ctx.argument("/amount");
  const list = ctx.claim("/roles");
  const isAdmin = Array.isArray(list) && list.includes("admin");
  return isAdmin || (typeof amount === "number" && (ctx.token?.hasScopes(scopes) ?? false));
};
export const validate: Validate<Settings> = (settings) => void settings.scopes;
export const missingScopes: MissingScopes<Settings> = (ctx, { scopes }) => ctx.token?.missingScopes(scopes) ?? [];

const simple: Check = () => true;
const ctx = tool("x", { token: { scopes: ["pay"], claims: { roles: ["admin"] } }, arguments: { amount: 5 } });
const answer: boolean = check(ctx, settings<Settings>({ scopes: [] })) && simple(ctx, undefined);

const plugin: PluginModule = { check, validate, missingScopes };
const smallest = { check: simple } satisfies PluginModule;
// @ts-expect-error The answer of an async function is a promise.
({ async check() { return true; } }) satisfies PluginModule;
// @ts-expect-error A module without a check is not a plugin.
({ validate }) satisfies PluginModule;

// @ts-expect-error A promise is not a valid answer.
const asynchronous: Check = async () => true;
// @ts-expect-error A number is not a valid answer.
const number: Check = () => 1;
// @ts-expect-error No value is not a valid answer.
const nothing: Check = () => {};
// @ts-expect-error A message is a string.
new AuthorizationError(new Error("x"));
// @ts-expect-error A string is not a list of scopes.
ctx.token?.hasScopes("pay");
// @ts-expect-error A context cannot be changed.
ctx.action = "tools/list";
// @ts-expect-error A token may be undefined.
ctx.token.clientId;

export default [answer, plugin, smallest, asynchronous, number, nothing];
