import assert from "node:assert/strict";
import test from "node:test";

import { AuthContext } from "guardhouse-sdk";
import { rawToken } from "guardhouse-sdk/raw-token";
import { component, prompt, resource, settings, tool } from "guardhouse-sdk/testing";

test("a context has only defaults", () => {
  const ctx = component("thing", "x");
  assert.ok(ctx instanceof AuthContext);
  assert.equal(ctx.token, undefined);
  assert.equal(ctx.tool, undefined);
  assert.deepEqual({ ...ctx.component }, { kind: "thing", name: "x", uri: undefined, version: undefined, tags: [] });
  assert.equal(ctx.action, "");
  assert.equal(ctx.now, 0);
  assert.equal(ctx.claim(""), undefined);
  assert.equal(ctx.argument(""), undefined);
  assert.deepEqual(ctx.detail(""), {});
  assert.deepEqual(ctx.attribute(""), {});
  assert.equal(rawToken(ctx), undefined);
});

test("each kind of component has its action", () => {
  assert.equal(tool("x").action, "tools/call");
  assert.equal(tool("x").tool.name, "x");
  assert.equal(resource("x", "file:///x").action, "resources/read");
  assert.equal(resource("x", "file:///x").component.uri, "file:///x");
  assert.equal(prompt("x").action, "prompts/get");
  assert.equal(tool("x", { action: "tools/list" }).action, "tools/list");
});

test("scopes and tags are compared by code point", () => {
  const { token, component } = tool("x", { token: { scopes: ["read", "支払い"] }, tags: ["admin"] });
  assert.equal(token.clientId, "client");
  assert.ok(token.hasScope("支払い") && !token.hasScope("Read") && !token.hasScope(""));
  assert.ok(token.hasScopes([]) && token.hasScopes(new Set(["read"])) && !token.hasScopes(["read", "write"]));
  assert.deepEqual(token.missingScopes(["write", "read", "write"]), ["write", "write"]);
  assert.ok(component.hasTag("admin") && !component.hasTag("Admin"));
});

test("few and many scopes are compared alike", () => {
  for (const count of [0, 1, 8, 9, 100]) {
    const scopes = Array.from({ length: count }, (_, index) => `scope-${index}`);
    const { token } = tool("x", { token: { scopes } });
    const without = tool("x", { token: { scopes: scopes.slice(1) } }).token;
    for (const needed of [scopes, new Set(scopes), [...scopes, ...scopes]]) {
      assert.equal(token.hasScopes(needed), true);
      assert.deepEqual(token.missingScopes(needed), []);
      assert.equal(without.hasScopes(needed), count === 0);
      assert.equal(new Set(without.missingScopes(needed)).size, Math.min(count, 1));
    }
    assert.equal(token.hasScopes([...scopes, "other"]), false);
    assert.deepEqual(token.missingScopes(["other", ...scopes, "another"]), ["other", "another"]);
    // A hole in an array is not a scope, but undefined is a value that no token holds.
    assert.equal(token.hasScopes([, ...scopes]), true);
    assert.deepEqual(token.missingScopes([, ...scopes]), []);
    assert.equal(token.hasScopes([undefined, ...scopes]), false);
  }
});

test("a string is not a list of scopes", () => {
  const { token } = tool("x", { token: {} });
  assert.throws(() => token.hasScopes(""), TypeError);
  assert.throws(() => token.missingScopes(undefined), TypeError);
});

test("JSON pointers find values in documents", () => {
  const args = { "a/b": { "m~n": [1, { "": null }] }, "": 5, list: ["x"], toString: false };
  const ctx = tool("x", { arguments: args, token: { claims: { sub: "s" }, raw: "secret" }, detail: { title: "T" } });
  assert.equal(ctx.argument("/a~1b/m~0n/0"), 1);
  assert.equal(ctx.argument("/a~1b/m~0n/1/"), null);
  assert.equal(ctx.argument("/"), 5);
  assert.equal(ctx.argument("/toString"), false);
  for (const nothing of ["/list/1", "/list/00", "/list/-", "/list/length", "/valueOf", "/list/0/0", "/ "]) {
    assert.equal(ctx.argument(nothing), undefined, nothing);
  }
  assert.deepEqual(ctx.argument(""), args);
  assert.equal(ctx.claim("/sub"), "s");
  assert.equal(ctx.detail("/title"), "T");
  assert.equal(rawToken(ctx), "secret");
});

test("an invalid pointer throws", () => {
  const ctx = tool("x", { token: { claims: { suspended: true } } });
  for (const ask of ["claim", "detail", "argument", "attribute"]) {
    for (const pointer of ["suspended", "/a~b", "/a~"]) {
      assert.throws(() => ctx[ask](pointer), new RegExp(`\`${pointer}\` is not a JSON pointer`));
    }
    for (const pointer of [5, undefined, "/\ud800"]) assert.throws(() => ctx[ask](pointer), TypeError);
  }
});

test("a check cannot change documents or settings", () => {
  const args = { list: [1] };
  const ctx = tool("x", { arguments: args });
  ctx.argument("/list").push(2);
  assert.deepEqual(ctx.argument("/list"), [1]);
  assert.throws(() => settings({ scopes: [] }).scopes.push("x"), TypeError);
});

test("a string is not a list of tags or scopes", () => {
  assert.throws(() => tool("x", { tags: "admin" }), TypeError);
  assert.throws(() => tool("x", { token: { scopes: "read" } }), TypeError);
});

test("a misspelt option throws", () => {
  assert.throws(() => tool("x", { tokens: {} }), /no option `tokens`/);
  assert.throws(() => tool("x", { token: { scope: [] } }), /no option `scope`/);
});
