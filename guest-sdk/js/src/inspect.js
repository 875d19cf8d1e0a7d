/** How deep objects within a value are shown, how many entries of each, and how many of a whole value. */
const deepest = 2;
const mostEntries = 100;
const mostValues = 1_000;
/** The longest string within a value, the longest line with several entries, and the longest text of a value. */
const longestString = 10_000;
const longestLine = 70;
const longestText = 16_000;

/**
 * A value as Node's `console.log` shows it: maps, sets and classes with their names, errors with their stacks and
 * causes. It does not call getters. `inSource` maps the stacks of errors.
 */
export function inspect(value, inSource = (stack) => stack) {
  const state = { inSource, ancestors: [], circular: [], depth: 0, deepest: 0, indent: 0, left: mostValues };
  const text = shown(value, state);
  const more = text.length - longestText;
  return more > 0 ? `${text.slice(0, longestText)}… ${more} more characters` : text;
}

function shown(value, state) {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "bigint":
      return `${value}n`;
    case "number":
      return Object.is(value, -0) ? "-0" : `${value}`;
    case "object":
    case "function":
      return value === null ? "null" : reference(value, state);
    default:
      return String(value);
  }
}

function reference(value, state) {
  if (state.ancestors.includes(value)) {
    if (!state.circular.includes(value)) state.circular.push(value);
    return `[Circular *${state.circular.indexOf(value) + 1}]`;
  }
  const name = nameOf(value);
  const isPlain = Array.isArray(value) || name === "Object" || name === undefined;
  const isEmpty = isPlain && Object.keys(value).length === 0;
  if (state.depth > deepest && !(value instanceof Error) && !isEmpty) {
    return `[${Array.isArray(value) ? "Array" : (name ?? "Object: null prototype")}]`;
  }
  if (state.left-- <= 0) return "…";
  state.deepest = state.depth;
  state.ancestors.push(value);
  state.depth += 1;
  const text = whole(value, name, state);
  state.depth -= 1;
  state.ancestors.pop();
  const index = state.circular.indexOf(value);
  return index < 0 ? text : `<ref *${index + 1}> ${text}`;
}

function whole(value, name, state) {
  if (Array.isArray(value)) {
    const prefix = name === "Array" ? "" : `${name ?? "[Array: null prototype]"}(${value.length}) `;
    return joined(`${prefix}[`, [...elements(value, state), ...properties(value, state, isNotIndex)], "]", state);
  }
  if (value instanceof Map) {
    const entries = [...first(Map.prototype.entries.call(value))].map(([key, member]) =>
      nested(state, () => `${shown(key, state)} => ${shown(member, state)}`),
    );
    const all = [...entries, ...rest(value.size), ...properties(value, state)];
    return joined(`${name}(${value.size}) {`, all, "}", state);
  }
  if (value instanceof Set) {
    const entries = [...first(Set.prototype.values.call(value))].map((member) =>
      nested(state, () => shown(member, state)),
    );
    const all = [...entries, ...rest(value.size), ...properties(value, state)];
    return joined(`${name}(${value.size}) {`, all, "}", state);
  }
  if (ArrayBuffer.isView(value) && typeof value.length === "number") {
    const entries = [...first(value)].map((member) => shown(member, state));
    return joined(`${name}(${value.length}) [`, [...entries, ...rest(value.length)], "]", state);
  }
  const base = baseOf(value, name, state);
  const isShown = (key) => {
    if (value instanceof Error) return key !== "stack" && key !== "message";
    return !(value instanceof String) || isNotIndex(key);
  };
  const entries = properties(value, state, isShown);
  if (value instanceof Error) entries.push(...hidden(value, "cause", state), ...hidden(value, "errors", state));
  if (base !== undefined) return entries.length === 0 ? base : joined(`${base} {`, entries, "}", state);
  const tag = value[Symbol.toStringTag];
  const suffix = typeof tag === "string" && tag !== "" && tag !== name ? `[${tag}] ` : "";
  const prefix = name === undefined ? "[Object: null prototype] " : name === "Object" && !suffix ? "" : `${name} `;
  return joined(`${prefix}${suffix}{`, entries, "}", state);
}

/** The text of a value that is more than its properties; undefined for a plain object. */
function baseOf(value, name, state) {
  if (value instanceof Error) return indented(errorText(value, state), state);
  if (typeof value === "function") return functionText(value, name);
  if (value instanceof RegExp) return RegExp.prototype.toString.call(value);
  if (value instanceof Date) {
    return Number.isNaN(Date.prototype.getTime.call(value)) ? "Invalid Date" : Date.prototype.toISOString.call(value);
  }
  for (const kind of [Number, Boolean, String, BigInt, Symbol]) {
    if (value instanceof kind) return `[${kind.name}: ${shown(kind.prototype.valueOf.call(value), state)}]`;
  }
  return undefined;
}

/** The name and the message of an error, with its stack. Some engines have both in the stack as well. */
function errorText(error, state) {
  const title = error.message === "" ? `${error.name}` : `${error.name}: ${error.message}`;
  const stack = `${error.stack ?? ""}`;
  const frames = stack.startsWith(title) ? stack.slice(title.length) : `\n${stack}`;
  return `${title}${state.inSource(frames)}`.trimEnd();
}

function functionText(value, name) {
  const source = Function.prototype.toString.call(value);
  const own = value.name === "" ? "(anonymous)" : value.name;
  if (source.startsWith("class")) {
    const base = Object.getPrototypeOf(value)?.name;
    return `[class ${own}${base ? ` extends ${base}` : ""}]`;
  }
  const kind = name === undefined ? "Function" : name;
  return value.name === "" ? `[${kind} ${own}]` : `[${kind}: ${own}]`;
}

/** The name of the class; undefined without a prototype. */
function nameOf(value) {
  for (let at = value; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, "constructor");
    if (typeof found?.value === "function" && found.value.name !== "") return found.value.name;
  }
  return undefined;
}

const isNotIndex = (key) => typeof key === "symbol" || !/^(?:0|[1-9][0-9]*)$/.test(key);

function elements(array, state) {
  const entries = [];
  for (let index = 0; index < Math.min(array.length, mostEntries); index += 1) {
    if (Object.hasOwn(array, index)) entries.push(property(array, `${index}`, state, ""));
    else entries.push("<1 empty item>");
  }
  return [...entries, ...rest(array.length)];
}

function properties(value, state, isShown = () => true) {
  const keys = Reflect.ownKeys(value).filter(
    (key) => isShown(key) && Object.getOwnPropertyDescriptor(value, key)?.enumerable,
  );
  return [...keys.slice(0, mostEntries).map((key) => property(value, key, state)), ...rest(keys.length)];
}

function hidden(error, key, state) {
  const found = Object.getOwnPropertyDescriptor(error, key);
  return found && !found.enumerable ? [property(error, key, state, `[${key}]: `)] : [];
}

function property(owner, key, state, label = `${keyText(key)}: `) {
  const found = Object.getOwnPropertyDescriptor(owner, key);
  if (found?.get) return `${label}[Getter${found.set ? "/Setter" : ""}]`;
  if (found?.set) return `${label}[Setter]`;
  return label + nested(state, () => shown(found?.value, state));
}

function keyText(key) {
  if (typeof key === "symbol") return `[${String(key)}]`;
  return /^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key) ? key : quoted(key);
}

function nested(state, show) {
  state.indent += 2;
  const text = show();
  state.indent -= 2;
  return text;
}

function* first(entries) {
  let count = 0;
  for (const entry of entries) {
    if (count === mostEntries) return;
    count += 1;
    yield entry;
  }
}

function rest(count) {
  const more = count - mostEntries;
  return more > 0 ? [`... ${more} more item${more > 1 ? "s" : ""}`] : [];
}

/** The entries between brackets: on one line if they are few, short and not nested deeply. */
function joined(start, entries, end, state) {
  if (entries.length === 0) return `${start}${end}`;
  const isFlat = state.deepest - (state.depth - 1) < 3;
  const length = entries.reduce((sum, entry) => sum + entry.length + 2, start.length + state.indent);
  if (isFlat && length <= longestLine && !start.includes("\n") && !entries.some((entry) => entry.includes("\n"))) {
    return `${start} ${entries.join(", ")} ${end}`;
  }
  const line = `\n${" ".repeat(state.indent)}`;
  return `${start}${line}  ${entries.join(`,${line}  `)}${line}${end}`;
}

function indented(text, state) {
  return text.replaceAll("\n", `\n${" ".repeat(state.indent)}`);
}

function quoted(text) {
  const more = text.length - longestString;
  const cut = more > 0 ? text.slice(0, longestString) : text;
  const mark = !cut.includes("'") ? "'" : !cut.includes('"') ? '"' : cut.includes("`") ? "'" : "`";
  const escaped = cut.replace(/[\u0000-\u001f\u007f-\u009f\\]|'/g, (character) => {
    if (character === "'") return mark === "'" ? "\\'" : "'";
    return escapes[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`;
  });
  return `${mark}${escaped}${mark}${more > 0 ? `... ${more} more character${more > 1 ? "s" : ""}` : ""}`;
}

const escapes = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\\": "\\\\" };
