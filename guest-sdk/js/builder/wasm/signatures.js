import { coreInstance } from "./grammar.js";
import { CORE_INSTANCE, MODULE, Reader, sections } from "./reader.js";

/**
 * The core type of each core function that a component passes to a module, by the function's index. The type is known
 * from the module's import.
 */
export function signatures(component) {
  const [modules, instances] = [[], []];
  for (const { id, body } of sections(component)) {
    if (id === MODULE) modules.push(body);
    const reader = new Reader(body);
    if (id === CORE_INSTANCE) instances.push(...reader.vector(() => coreInstance(reader)));
  }
  const found = new Map();
  for (const { module, args } of instances) {
    if (module === undefined) continue;
    const imports = functionImports(modules[module]);
    for (const { name, instance } of args) {
      for (const entry of instances[instance].exports ?? []) {
        const type = imports.get(`${name}\0${entry.name}`);
        if (entry.sort === 0 && type) found.set(entry.index, type);
      }
    }
  }
  return found;
}

/** The encoded types of the functions that a core module imports. */
function functionImports(module) {
  const imports = new Map();
  let types = [];
  for (const { id, body } of sections(module)) {
    const reader = new Reader(body);
    if (id === 1) types = reader.vector(() => reader.spanned(() => functionType(reader)).bytes);
    if (id === 2) {
      reader.vector(() => {
        const key = `${reader.name()}\0${reader.name()}`;
        const kind = reader.byte();
        if (kind === 0) imports.set(key, types[reader.number()]);
        else skipImport(reader, kind);
      });
    }
  }
  return imports;
}

function functionType(reader) {
  if (reader.byte() !== 0x60) throw new Error("a core type that is not a function");
  reader.vector(() => reader.byte());
  reader.vector(() => reader.byte());
}

function skipImport(reader, kind) {
  if (kind === 1) reader.byte();
  if (kind === 1 || kind === 2) return [reader.byte() & 1 ? [reader.number(), reader.number()] : reader.number()];
  if (kind === 3) return [reader.byte(), reader.byte()];
  throw new Error(`a core import of unknown kind ${kind}`);
}
