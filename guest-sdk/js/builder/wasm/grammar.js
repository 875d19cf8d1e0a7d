// Parsers of the entries of a component's sections, as far as rewriting needs them.

/** A core instance: of a module with arguments, or composed of exports. */
export function coreInstance(reader) {
  if (reader.byte() === 0) {
    return {
      module: reader.number(),
      args: reader.vector(() => ({ name: reader.name(), kind: reader.byte(), instance: reader.number() })),
    };
  }
  return { exports: reader.vector(() => ({ name: reader.name(), sort: reader.byte(), index: reader.number() })) };
}

/** An instance: of a component with arguments, or composed of exports. */
export function instance(reader) {
  const ofComponent = reader.byte() === 0;
  if (ofComponent) reader.number();
  reader.vector(() => [ofComponent ? reader.name() : externName(reader), sortOf(reader), reader.number()]);
}

export function alias(reader) {
  const sort = sortOf(reader);
  const target = reader.byte();
  if (target === 2) return { sort, target, outer: reader.number(), index: reader.number() };
  return { sort, target, instance: reader.number(), name: reader.name() };
}

/** The operands of a canonical function. */
export function canon(reader) {
  const kind = reader.byte();
  if (kind === 0 || kind === 1) {
    reader.byte();
    const func = reader.number();
    reader.vector(() => reader.byte() > 2 && reader.number());
    return kind === 0 ? { lift: func, type: reader.number() } : { lower: func };
  }
  if (kind >= 2 && kind <= 4) return { resource: reader.number() };
  throw new Error(`unknown canonical function ${kind}`);
}

export function imported(reader) {
  return { name: externName(reader), ...externDesc(reader) };
}

export function exported(reader) {
  const name = externName(reader);
  const entry = { name, sort: sortOf(reader), index: reader.number() };
  if (reader.byte() === 1) externDesc(reader);
  return entry;
}

/**
 * Whether a type is a resource and, for an instance type, its exports. `types` are the types of the outer scope.
 */
export function type(reader, types) {
  const kind = reader.byte();
  if (kind === 0x42) return { resource: false, exports: instanceExports(reader, types) };
  if (kind === 0x3f) {
    reader.byte();
    if (reader.byte() === 1) reader.number();
    return { resource: true };
  }
  skipType(reader, kind);
  return { resource: false };
}

function instanceExports(reader, outer) {
  const types = [];
  const exports = new Map();
  reader.vector(() => {
    const declaration = reader.byte();
    if (declaration === 1) types.push(type(reader, types));
    else if (declaration === 2) types.push(outerType(alias(reader), outer));
    else if (declaration === 4) {
      const { name, kind, index } = imported(reader);
      if (kind !== 3) return;
      const declared = index === undefined ? { resource: true } : types[index];
      types.push(declared);
      exports.set(name, declared);
    } else throw new Error(`unknown declaration ${declaration}`);
  });
  return exports;
}

function outerType({ sort, target, index }, outer) {
  if (sort !== 3 || target !== 2) throw new Error("an alias of an unknown kind in an instance type");
  return outer[index];
}

function skipType(reader, kind) {
  const value = () => reader.number();
  const optional = () => reader.byte() === 1 && value();
  const field = () => [reader.name(), value()];
  const skips = {
    0x72: () => reader.vector(field),
    0x71: () => reader.vector(() => [reader.name(), optional(), reader.byte()]),
    0x70: value,
    0x6f: () => reader.vector(value),
    0x6e: () => reader.vector(() => reader.name()),
    0x6d: () => reader.vector(() => reader.name()),
    0x6b: value,
    0x6a: () => [optional(), optional()],
    0x69: value,
    0x68: value,
    0x40: () => [reader.vector(field), reader.byte() === 0 ? value() : reader.byte()],
  };
  if (kind in skips) skips[kind]();
  else if (kind < 0x73 || kind > 0x7f) throw new Error(`unknown type ${kind}`);
}

/** A number from 0 to 255 for a component's sort, and from 256 on for a core sort. */
function sortOf(reader) {
  const sort = reader.byte();
  return sort === 0 ? 256 + reader.byte() : sort;
}

function externName(reader) {
  if (reader.byte() > 1) throw new Error("a name of an unknown kind");
  return reader.name();
}

/** `index` is the index of a type. It is undefined if the bound of a type is a new resource. */
function externDesc(reader) {
  const kind = reader.byte();
  if (kind === 0) reader.byte();
  if (kind === 3 && reader.byte() === 1) return { kind };
  return { kind, index: reader.number() };
}
