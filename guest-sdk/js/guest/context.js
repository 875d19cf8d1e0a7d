import requests from "guardhouse:auth/request@0.1.0";
import { AuthContext } from "../src/auth-context.js";
import { parseExactly } from "../src/json.js";
import { setTime } from "./clock.js";
import { fault } from "./fault.js";

/** The context that the host passed to an export. It also sets the clock to the time of the context. */
export function contextOf(record) {
  mustBeExact(record.now);
  if (record.token?.expiresAt) mustBeExact(record.token.expiresAt);
  setTime(record.now);
  return new AuthContext(record, documents);
}

/** Rejects a time that a number cannot represent exactly. */
function mustBeExact(seconds) {
  if (!Number.isSafeInteger(seconds)) fault(new RangeError("a number cannot represent a time in the request exactly"));
}

/** Parses a document. Invalid JSON and an integer that would be rounded are faults, and not an absent document. */
function parse(json) {
  if (json === null) return undefined;
  try {
    return parseExactly(json);
  } catch (error) {
    return fault(error);
  }
}

const documents = {
  claim: (pointer) => parse(requests.claim(pointer)),
  detail: (pointer) => parse(requests.detail(pointer)),
  argument: (pointer) => parse(requests.argument(pointer)),
  attribute: (pointer) => parse(requests.attribute(pointer)),
};
