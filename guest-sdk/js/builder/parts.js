/**
 * The functions that the engine exports in place of those of the contract that take a context, by the names that these
 * have within the component.
 *
 * The engine makes an object of each record, and every new instance first finds the JavaScript name of each field.
 * Therefore its functions take the fields of a context as parameters, those of a token as a tuple, and their error is
 * a tuple. The canonical ABI lays these out in memory as it does the records, so that the plugin can export the
 * engine's functions with the types of the contract. `wasm/rewriting.js` does this.
 */
export const replacements = new Map([
  ["guardhouse:auth/check@0.1.0#check", "check-parts"],
  ["guardhouse:auth/step-up@0.1.0#missing-scopes", "missing-scopes-parts"],
]);

/** The records of the contract with their fields, in order. A test compares them with the contract. */
export const records = {
  "access-token": {
    "client-id": "string",
    subject: "option<string>",
    scopes: "list<string>",
    "expires-at": "option<s64>",
    "resource-indicator": "option<string>",
  },
  component: {
    kind: "string",
    name: "string",
    uri: "option<string>",
    version: "option<string>",
    tags: "list<string>",
  },
  "auth-context": {
    token: "option<access-token>",
    component: "component",
    action: "string",
    now: "s64",
  },
  "authorization-error": {
    message: "string",
  },
};

/** The items of a world that export the engine's functions. `guest/context.js` has the same parameters. */
export function exportsOfParts({ stepUp }) {
  const { token, component, ...others } = records["auth-context"];
  const parameters = {
    token: token.replace("access-token", tuple(records["access-token"])),
    ...records[component],
    ...others,
  };
  const list = Object.entries(parameters).map(([name, type]) => `${name}: ${type}`);
  const check = `export check-parts: func(${list.join(", ")}) -> result<bool, ${tuple(records["authorization-error"])}>;`;
  return stepUp ? `${check} export missing-scopes-parts: func(${list.join(", ")}) -> list<string>;` : check;
}

function tuple(fields) {
  return `tuple<${Object.values(fields).join(", ")}>`;
}
