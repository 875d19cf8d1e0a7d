import { AccessToken } from "../src/access-token.js";
import { AuthContext } from "../src/auth-context.js";
import { AuthorizationError, denial } from "../src/authorization-error.js";
import { Component } from "../src/component.js";
import { frozen } from "../src/frozen.js";
import { parseExactly } from "../src/json.js";
import { timed } from "./clock.js";
import { contextOf } from "./context.js";

/** Objects whose only purpose is that the engine keeps the layouts of objects like them. */
const kept = [];

/**
 * Does once what the engine does at the first use of a function, an expression or a layout of objects, so that no
 * instance does it again. It calls only the SDK, on a record that no request has, and neither the host nor the plugin:
 * it runs before the plugin's module is loaded.
 */
export function warmUp() {
  keepLayouts(AccessToken, () => new AccessToken("", "", [], 0, ""));
  keepLayouts(Component, () => new Component("", "", "", "", []));
  keepLayouts(AuthContext, () => new AuthContext(undefined, undefined, "", 0, documents));
  // The bindings wrap an answer in these.
  kept.push({ tag: "ok" }, { tag: "ok", val: true });
  // Once for what is made at the first use, and again for what needs the first.
  for (let round = 0; round < 2; round += 1) timed(0, convert);
}

/** The conversions of an evaluation. */
function convert() {
  const token = ["client", "subject", ["read"], 1, "resource"];
  const ctx = contextOf(token, "tool", "name", null, null, ["tag"], "tools/call", 0);
  const anonymous = contextOf(null, "resource", "name", "uri", "1", [], "", 0);
  kept.push(ctx, anonymous, ctx.tool);
  ctx.token.hasScope("read");
  ctx.token.hasScopes(["read", "write"]);
  ctx.token.hasScopes(new Set(["read"]));
  ctx.token.missingScopes(["read", "write"]);
  ctx.component.hasTag("tag");
  const asked = new AuthContext(ctx.token, ctx.component, "", 0, documents);
  for (const ask of ["claim", "detail", "argument", "attribute"]) asked[ask]("/a~1b");
  denial(new AuthorizationError("denied"));
  Date.now();
  new Date().toISOString();
}

/** Documents that are not asked of the host. */
const document = () => frozen(parseExactly('{"list":["text",1,true,null],"id":1234567890123456}'));
const documents = { claim: document, detail: document, argument: document, attribute: document };

/**
 * Keeps an object of every layout that an instance of a class has while it is constructed. The engine then finds the
 * layouts, and need not make them for each object. A setter ends the constructor at one property after the other.
 */
function keepLayouts({ prototype }, construct) {
  for (const key of Reflect.ownKeys(construct())) {
    const end = Symbol();
    const set = function () {
      kept.push(this);
      throw end;
    };
    Object.defineProperty(prototype, key, { configurable: true, set });
    try {
      construct();
    } catch (thrown) {
      if (thrown !== end) throw thrown;
    } finally {
      delete prototype[key];
    }
  }
  kept.push(construct());
}
