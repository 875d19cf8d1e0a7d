// Allows the components and actions that match a pattern of one of the caller's roles.
import { AuthorizationError, type AuthContext } from "guardhouse-sdk";

/** The settings, as settings.schema.json describes them. */
export interface Settings {
  /** The claim that lists the roles, as a JSON pointer. */
  readonly claim: string;
  readonly roles: { readonly [role: string]: Role };
}

interface Role {
  readonly allow?: readonly Rule[];
  readonly deny?: readonly Rule[];
}

interface Rule {
  readonly component: string;
  readonly action?: string;
}

export function check(ctx: AuthContext, { claim, roles }: Settings): boolean {
  const names = ctx.claim(claim);
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) return false;
  const { kind, name } = ctx.component;
  // `reports/**` must not match `reports/../salaries`.
  if (name.split("/").some((segment) => segment === "." || segment === "..")) return false;
  const held = names.filter((name) => Object.hasOwn(roles, name));
  const denies = held.find((name) => roles[name]?.deny?.some((rule) => ruleMatches(rule, ctx)));
  if (denies !== undefined) throw new AuthorizationError(`role \`${denies}\` must not use \`${kind}:${name}\``);
  return held.some((name) => roles[name]?.allow?.some((rule) => ruleMatches(rule, ctx)));
}

function ruleMatches({ component, action = "**" }: Rule, ctx: AuthContext): boolean {
  const colon = component.indexOf(":");
  return (
    matches(component.slice(0, colon), ctx.component.kind) &&
    matches(component.slice(colon + 1), ctx.component.name) &&
    matches(action, ctx.action)
  );
}

/** Whether a pattern, which may have alternatives, matches the whole text. */
export function matches(pattern: string, text: string): boolean {
  const [open, close] = [pattern.indexOf("{"), pattern.indexOf("}")];
  if (open < 0) return globMatches(pattern, text);
  const [before, after] = [pattern.slice(0, open), pattern.slice(close + 1)];
  const alternatives = pattern.slice(open + 1, close).split(",");
  return alternatives.some((alternative) => globMatches(before + alternative + after, text));
}

/** Whether a pattern without alternatives matches. More stars do not make it slower. */
function globMatches(pattern: string, subject: string): boolean {
  // Lists of characters, not of UTF-16 code units.
  const [glob, text] = [[...pattern], [...subject]];
  // Where the last `*` and the last `**` end in the pattern, and in the text so far.
  let star: { at: number; done: number } | undefined;
  let stars: typeof star;
  for (let at = 0, done = 0; ; ) {
    if (glob[at] === "*" && glob[at + 1] === "*") {
      at += 2;
      stars = { at, done };
      star = undefined;
    } else if (glob[at] === "*") {
      at += 1;
      star = { at, done };
    } else if (isOne(glob[at], text[done])) {
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

function isOne(pattern: string | undefined, character: string | undefined): boolean {
  if (pattern === undefined || character === undefined) return false;
  return pattern === character || (pattern === "?" && character !== "/");
}
