import requests from "guardhouse:auth/request@0.1.0";
import { AccessToken } from "../src/access-token.js";
import { AuthContext } from "../src/auth-context.js";
import { Component } from "../src/component.js";
import { parseExactly } from "../src/json.js";
import { setTime } from "./clock.js";
import { fault } from "./fault.js";

/**
 * The context that the host passed to an export, in the parameters of `builder/parts.js`. It also sets the clock to the
 * time of the context.
 */
export function contextOf(token, kind, name, uri, version, tags, action, now) {
  mustBeExact(now);
  setTime(now);
  return new AuthContext(tokenOf(token), new Component(kind, name, uri, version, tags), action, now, documents);
}

/** Takes the elements one by one: an iterator costs ten times as much. */
function tokenOf(token) {
  if (token === null) return undefined;
  const expiresAt = token[3];
  if (expiresAt !== null) mustBeExact(expiresAt);
  return new AccessToken(token[0], token[1], token[2], expiresAt, token[4]);
}

/** Rejects a time that a number cannot represent exactly. The bindings round it to an integer that is too large. */
function mustBeExact(seconds) {
  if (seconds >= -9007199254740991 && seconds <= 9007199254740991) return;
  fault(new RangeError("a number cannot represent a time in the request exactly"));
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
