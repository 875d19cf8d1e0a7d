// Allows the requests for which a tree of conditions is true.
import { AuthorizationError } from "guardhouse-sdk";

import { isWithin, parseAddress, parseNetwork } from "./networks.js";

/**
 * A condition: an object with one of these members, as settings.schema.json describes it.
 *
 * @typedef {object} Condition
 * @property {Condition[]} [all]
 * @property {Condition[]} [any]
 * @property {Condition[]} [none]
 * @property {{ argument: string, is: string, number: number }} [compare]
 * @property {{ claim: string, text: string }} [equals]
 * @property {{ claim: string, text: string }} [contains]
 * @property {{ attribute: string, in: string[] }} [network]
 */

/** @type {import("guardhouse-sdk").Check<{ condition: Condition }>} */
export function check(ctx, { condition }) {
  const answer = evaluate(condition, ctx);
  if (answer === undefined) throw new AuthorizationError("an input of the policy is missing or has another type");
  return answer;
}

/** Rejects what the schema cannot: texts that are not networks. */
export function validate({ condition }) {
  for (const text of networks(condition)) {
    if (!parseNetwork(text)) throw new Error(`\`${text}\` is not a network`);
  }
}

/** True or false; undefined if the answer depends on an input that is missing. The schema bounds the depth. */
function evaluate(condition, ctx) {
  const [[kind, operand]] = Object.entries(condition);
  return CONDITIONS[kind](operand, ctx);
}

const CONDITIONS = {
  all: (conditions, ctx) => firstOrAll(conditions, ctx, false),
  any: (conditions, ctx) => firstOrAll(conditions, ctx, true),
  none(conditions, ctx) {
    const answer = firstOrAll(conditions, ctx, true);
    return answer === undefined ? undefined : !answer;
  },
  compare({ argument, is, number }, ctx) {
    // An integer beyond 2^53 is a fault, as JavaScript would round it.
    const value = ctx.argument(argument);
    return typeof value === "number" ? COMPARISONS[is](value, number) : undefined;
  },
  equals({ claim, text }, ctx) {
    const value = ctx.claim(claim);
    return typeof value === "string" ? value === text : undefined;
  },
  contains({ claim, text }, ctx) {
    const values = ctx.claim(claim);
    if (!Array.isArray(values) || !values.every((value) => typeof value === "string")) return undefined;
    return values.includes(text);
  },
  network({ attribute, in: networks }, ctx) {
    const value = ctx.attribute(attribute);
    const address = typeof value === "string" ? parseAddress(value) : undefined;
    return address && networks.some((network) => isWithin(address, network));
  },
};

const COMPARISONS = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "=": (a, b) => a === b,
  ">=": (a, b) => a >= b,
  ">": (a, b) => a > b,
};

/** The decisive answer, if a condition gives it; undefined, if one is missing; otherwise the opposite. */
function firstOrAll(conditions, ctx, decisive) {
  let answer = !decisive;
  for (const condition of conditions) {
    const each = evaluate(condition, ctx);
    if (each === decisive) return decisive;
    if (each === undefined) answer = undefined;
  }
  return answer;
}

/** All networks of a tree. */
function networks({ all = [], any = [], none = [], network }) {
  return [...(network?.in ?? []), ...[...all, ...any, ...none].flatMap(networks)];
}
