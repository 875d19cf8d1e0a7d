import { AccessToken } from "./src/access-token.js";
import { AuthContext } from "./src/auth-context.js";
import { Component } from "./src/component.js";
import { frozen } from "./src/frozen.js";
import { parseExactly } from "./src/json.js";
import { pointed } from "./src/json-pointer.js";
import { list } from "./src/list.js";

export function tool(name, { action = "tools/call", ...options } = {}) {
  return component("tool", name, { action, ...options });
}

export function resource(name, uri, { action = "resources/read", ...options } = {}) {
  return component("resource", name, { action, ...options, uri });
}

export function prompt(name, { action = "prompts/get", ...options } = {}) {
  return component("prompt", name, { action, ...options });
}

export function component(kind, name, options = {}) {
  const {
    token,
    action = "",
    now = 0,
    uri,
    version,
    tags = [],
    detail = {},
    attributes = {},
    arguments: args,
    ...unknown
  } = options;
  mustBeNone(unknown, "a context");
  const { raw, claims, verified } = tokenOf(token);
  return new AuthContext(verified, new Component(kind, name, uri, version, [...list(tags)]), action, now, {
    claim: (pointer) => pointed(claims, pointer),
    detail: (pointer) => pointed(detail, pointer),
    argument: (pointer) => pointed(args, pointer),
    attribute: (pointer) => pointed(attributes, pointer),
    rawToken: raw,
  });
}

export function settings(value) {
  return frozen(parseExactly(JSON.stringify(value)));
}

function tokenOf(options) {
  if (options === undefined) return {};
  const {
    clientId = "client",
    subject,
    scopes = [],
    expiresAt,
    resourceIndicator,
    claims = {},
    raw,
    ...unknown
  } = options;
  mustBeNone(unknown, "a token");
  return { raw, claims, verified: new AccessToken(clientId, subject, [...list(scopes)], expiresAt, resourceIndicator) };
}

/** A misspelt option must not look like an omitted one. */
function mustBeNone(options, what) {
  const [name] = Object.keys(options);
  if (name !== undefined) throw new TypeError(`${what} has no option \`${name}\``);
}
