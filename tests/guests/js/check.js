// A hostile check in JavaScript: the name of the component selects what it tries.
import { AuthorizationError, log } from "guardhouse-sdk";

const behaviors = {
  allow: () => true,
  refuse: () => false,
  message() {
    throw new AuthorizationError("né 🙂");
  },
  loop() {
    for (;;);
  },
  allocate() {
    for (const kept = []; ;) kept.push(new Uint8Array(1 << 20).fill(1));
  },
  recurse: () => depth(0) > 0,
  exception: () => outer(),
  none() {},
  exit: () => notExpressible("there is no process to exit"),
  files: () => notExpressible("there are no files"),
  sockets: () => notExpressible("there are no sockets"),
  environment: () => typeof process !== "undefined" && (Object.keys(process.env).length > 0 || process.argv.length > 0),
  clock: ({ now }) => Math.floor(Date.now() / 1000) === now && Math.floor(new Date().getTime() / 1000) === now,
  thread: () => notExpressible("there are no workers"),
  random() {
    log.info(String(Math.random()));
    return true;
  },
  print() {
    console.log("to stdout");
    console.error("to stderr");
    return true;
  },
  scopes: ({ token }) => token?.scopes.length === 10000 && token.scopes.every((scope, index) => scope === `s${index}`),
  claims(ctx) {
    const blob = ctx.claim("/blob");
    return typeof blob === "string" && blob.length === 1000000;
  },
  echo(ctx) {
    const { token, component } = ctx;
    const argument = ctx.argument("");
    const parts = [
      token?.clientId ?? "-",
      component.uri ?? "-",
      component.tags.join(","),
      JSON.stringify(argument) ?? "-",
    ];
    throw new AuthorizationError(parts.join("|"));
  },
  large: (ctx) => ctx.claim("/id") === 175928847299117069,
  second: () => rules.second({}),
  promise: () => Promise.resolve(true),
  thrown() {
    throw { message: "secret 7f3a", payload: { message: "secret 7f3a" } };
  },
};

export function check(ctx) {
  return behaviors[ctx.component.name](ctx);
}

const rules = {first: (c) => c.token.claims.x,

  second: (c) => c.nope.x};

function depth(reached) {
  return depth(reached + 1) + 1;
}

function outer() {
  return inner();
}

function inner() {
  throw new Error("secret 7f3a");
}

function notExpressible(why) {
  throw new Error(`not expressible: ${why}`);
}
