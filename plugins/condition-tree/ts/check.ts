// Allows the requests for which a tree of conditions is true.
import { AuthorizationError, type AuthContext } from "guardhouse-sdk";

import { isWithin, parseAddress, parseNetwork } from "./networks.js";

/** The settings, as settings.schema.json describes them. */
export interface Settings {
  readonly condition: Condition;
}

type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly none: readonly Condition[] }
  | { readonly compare: { readonly argument: string; readonly is: keyof typeof COMPARISONS; readonly number: number } }
  | { readonly equals: { readonly claim: string; readonly text: string } }
  | { readonly contains: { readonly claim: string; readonly text: string } }
  | { readonly network: { readonly attribute: string; readonly in: readonly string[] } };

/** True or false; undefined if the answer depends on an input that is missing. */
type Truth = boolean | undefined;

const COMPARISONS = {
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  "=": (a: number, b: number) => a === b,
  ">=": (a: number, b: number) => a >= b,
  ">": (a: number, b: number) => a > b,
};

export function check(ctx: AuthContext, { condition }: Settings): boolean {
  const answer = evaluate(condition, ctx);
  if (answer === undefined) throw new AuthorizationError("an input of the policy is missing or has another type");
  return answer;
}

/** Rejects what the schema cannot: texts that are not networks. */
export function validate({ condition }: Settings): void {
  for (const text of networks(condition)) {
    if (!parseNetwork(text)) throw new Error(`\`${text}\` is not a network`);
  }
}

/** The schema bounds the depth. */
function evaluate(condition: Condition, ctx: AuthContext): Truth {
  if ("all" in condition) return firstOrAll(condition.all, ctx, false);
  if ("any" in condition) return firstOrAll(condition.any, ctx, true);
  if ("none" in condition) {
    const answer = firstOrAll(condition.none, ctx, true);
    return answer === undefined ? undefined : !answer;
  }
  if ("compare" in condition) {
    const { argument, is, number } = condition.compare;
    // An integer beyond 2^53 is a fault, as JavaScript would round it.
    const value = ctx.argument(argument);
    return typeof value === "number" ? COMPARISONS[is](value, number) : undefined;
  }
  if ("equals" in condition) {
    const value = ctx.claim(condition.equals.claim);
    return typeof value === "string" ? value === condition.equals.text : undefined;
  }
  if ("contains" in condition) {
    const values = ctx.claim(condition.contains.claim);
    if (!Array.isArray(values) || !values.every((value) => typeof value === "string")) return undefined;
    return values.includes(condition.contains.text);
  }
  const value = ctx.attribute(condition.network.attribute);
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  return address && condition.network.in.some((network) => isWithin(address, network));
}

/** The decisive answer, if a condition gives it; undefined, if one is missing; otherwise the opposite. */
function firstOrAll(conditions: readonly Condition[], ctx: AuthContext, decisive: boolean): Truth {
  let answer: Truth = !decisive;
  for (const condition of conditions) {
    const each = evaluate(condition, ctx);
    if (each === decisive) return decisive;
    if (each === undefined) answer = undefined;
  }
  return answer;
}

/** All networks of a tree. */
function networks(condition: Condition): readonly string[] {
  if ("all" in condition) return condition.all.flatMap(networks);
  if ("any" in condition) return condition.any.flatMap(networks);
  if ("none" in condition) return condition.none.flatMap(networks);
  return "network" in condition ? condition.network.in : [];
}
