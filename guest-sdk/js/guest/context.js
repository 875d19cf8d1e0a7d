import requests from "guardhouse:auth/request@0.1.0";
import { AuthContext } from "../src/auth-context.js";
import { setTime } from "./clock.js";
import { fault } from "./fault.js";

/** The context that the host handed to an export. From here on it is the context's time. */
export function contextOf(record) {
  mustBeExact(record.now);
  if (record.token?.expiresAt) mustBeExact(record.token.expiresAt);
  setTime(record.now);
  return new AuthContext(record, documents);
}

/** A time that a number cannot hold exactly must not pass for another. */
function mustBeExact(seconds) {
  if (!Number.isSafeInteger(seconds)) fault(new RangeError("a time in the request is too far away for a number"));
}

/** What does not parse (it may be nested too deep) must not pass for something absent. */
function parse(json) {
  if (json === null) return undefined;
  try {
    return JSON.parse(json);
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
