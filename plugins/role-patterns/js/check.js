// Allows the components and actions that match a pattern of one of the caller's roles.
import { AuthorizationError } from "guardhouse-sdk";

/**
 * The settings, as settings.schema.json describes them.
 *
 * @typedef {{ component: string, action?: string }} Rule
 * @typedef {object} Settings
 * @property {string} claim
 * @property {{ [role: string]: { allow?: Rule[], deny?: Rule[] } }} roles
 */

/** @type {import("guardhouse-sdk").Check<Settings>} */
export function check(ctx, { claim, roles }) {
  const names = ctx.claim(claim);
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) return false;
  const { kind, name } = ctx.component;
  // `reports/**` must not match `reports/../salaries`.
  if (name.split("/").some((segment) => segment === "." || segment === "..")) return false;
  const held = names.filter((name) => Object.hasOwn(roles, name));
  const denies = held.find((name) => (roles[name].deny ?? []).some((rule) => ruleMatches(rule, ctx)));
  if (denies !== undefined) throw new AuthorizationError(`role \`${denies}\` must not use \`${kind}:${name}\``);
  return held.some((name) => (roles[name].allow ?? []).some((rule) => ruleMatches(rule, ctx)));
}

function ruleMatches({ component, action = "**" }, ctx) {
  const colon = component.indexOf(":");
  return (
    matches(component.slice(0, colon), ctx.component.kind) &&
    matches(component.slice(colon + 1), ctx.component.name) &&
    matches(action, ctx.action)
  );
}

/** Whether a pattern, which may have alternatives, matches the whole text. */
export function matches(pattern, text) {
  const [open, close] = [pattern.indexOf("{"), pattern.indexOf("}")];
  if (open < 0) return globMatches(pattern, text);
  const [before, after] = [pattern.slice(0, open), pattern.slice(close + 1)];
  const alternatives = pattern.slice(open + 1, close).split(",");
  return alternatives.some((alternative) => globMatches(before + alternative + after, text));
}

/** Whether a pattern without alternatives matches. More stars do not make it slower. */
function globMatches(pattern, subject) {
  // Lists of characters, not of UTF-16 code units.
  const [glob, text] = [[...pattern], [...subject]];
  // Where the last `*` and the last `**` end in the pattern, and in the text so far.
  let star, stars;
  for (let at = 0, done = 0; ; ) {
    if (glob[at] === "*" && glob[at + 1] === "*") {
      at += 2;
      stars = { at, done };
      star = undefined;
    } else if (glob[at] === "*") {
      at += 1;
      star = { at, done };
    } else if (at < glob.length && done < text.length && isOne(glob[at], text[done])) {
      at += 1;
      done += 1;
    } else if (at === glob.length && done === text.length) {
      return true;
    } else if (star && star.done < text.length && text[star.done] !== "/") {
      star.done += 1;
      ({ at, done } = star);
    } else if (stars && stars.done < text.length) {
      stars.done += 1;
      ({ at, done } = stars);
      star = undefined;
    } else {
      return false;
    }
  }
}

function isOne(pattern, character) {
  return pattern === character || (pattern === "?" && character !== "/");
}
