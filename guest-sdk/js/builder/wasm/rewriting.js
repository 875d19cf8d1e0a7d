import { replacements } from "../parts.js";
import * as grammar from "./grammar.js";
import { ALIAS, CANON, CORE_INSTANCE, CUSTOM, EXPORT, IMPORT, INSTANCE, MODULE, Reader, TYPE } from "./reader.js";
import { signatures } from "./signatures.js";
import { stubModule } from "./stub-module.js";
import { name, number, one, section } from "./writer.js";

/** Sorts, as `grammar` numbers them. */
const [FUNC, TYPE_SORT, INSTANCE_SORT, CORE_FUNC] = [1, 3, 5, 256];
const LOG = "wasi:logging/logging@0.1.0-draft";
/** The names of core functions, and of the functions that clean up after them, and the names that replace them. */
const replaced = new Map(
  [...replacements].flatMap(([name, other]) => [
    [name, other],
    [`cabi_post_${name}`, `cabi_post_${other}`],
  ]),
);
const isReplacement = (name) => [...replacements.values()].includes(name);
const isStubbed = (name) => name.startsWith("local:init/") || (name.startsWith("wasi:") && name !== LOG);

/**
 * Rewrites a component without some of its imports.
 *
 * Each definition that came from a removed import is replaced by one of the same sort, so that indices do not change.
 * Only the indices of core modules and core instances change, because the module that traps is added:
 *
 * | before | after |
 * |---|---|
 * | an imported instance | an empty one |
 * | its resource; its other type | an unused resource; a number |
 * | its function | the function `log`, which is never called by this index |
 * | the function, lowered | a core function that traps |
 * | a core function of the contract that `parts.js` replaces, and its clean-up | the one that replaces it |
 * | the export of the function that replaces it | the function `log`, which is never called by this index |
 */
export class Rewriting {
  #out = [];
  /** The known definitions of each sort, by index. */
  #known = { [FUNC]: [], [TYPE_SORT]: [], [INSTANCE_SORT]: [], [CORE_FUNC]: [] };
  #modules = 0;
  /** The module that traps: its position in `#out`, its index, and the types of its functions. */
  #stub = { place: undefined, index: undefined, types: [] };
  #signatures;
  #log;
  /** The names of the core functions that the component takes from its modules. */
  #taken = new Set();

  constructor(component) {
    this.#signatures = signatures(component);
  }

  section(id, body) {
    if (id === MODULE) this.#modules += 1;
    if (id === CORE_INSTANCE || id === CANON) this.#placeStub();
    const entry = this.#entries[id];
    if (entry) this.#rewrite(id, new Reader(body), entry);
    else if (id !== CUSTOM) this.#out.push(section(id, body));
  }

  written() {
    for (const [name, other] of replacements) {
      if (this.#taken.has(name) !== this.#taken.has(other)) throw new Error(`${name} and ${other} must both exist`);
    }
    const { place, index, types } = this.#stub;
    const module = section(MODULE, stubModule(types));
    return this.#out.toSpliced(place, 0, module, one(CORE_INSTANCE, [0], number(index), number(0)));
  }

  #placeStub() {
    this.#stub.place ??= this.#out.length;
    this.#stub.index ??= this.#modules;
  }

  /** Copies each entry of a section, or writes the replacement that `entry` returns, and records the new definition. */
  #rewrite(id, reader, entry) {
    reader.vector(() => {
      const { value, bytes } = reader.spanned(() => entry(reader));
      const { sort, thing = {}, instead } = value ?? {};
      this.#out.push(instead ?? one(id, bytes));
      this.#known[sort]?.push(thing);
    });
  }

  #entries = {
    [CORE_INSTANCE]: (reader) => ({ instead: this.#coreInstance(grammar.coreInstance(reader)) }),
    [INSTANCE]: (reader) => ({ sort: INSTANCE_SORT, thing: grammar.instance(reader) }),
    [ALIAS]: (reader) => this.#alias(grammar.alias(reader)),
    [TYPE]: (reader) => ({ sort: TYPE_SORT, thing: grammar.type(reader, this.#known[TYPE_SORT]) }),
    [CANON]: (reader) => this.#canon(grammar.canon(reader)),
    [IMPORT]: (reader) => this.#import(grammar.imported(reader)),
    [EXPORT]: (reader) => {
      const { name: exported, sort, index } = grammar.exported(reader);
      if (sort === FUNC && isReplacement(exported)) return { sort, instead: this.#placeholder() };
      return { sort, thing: this.#known[sort]?.[index] };
    },
  };

  /** A definition of a function that is never used. */
  #placeholder() {
    return one(ALIAS, [FUNC, 0], number(this.#log), name("log"));
  }

  #coreInstance({ module, args, exports }) {
    if (exports) return undefined;
    const moved = module < this.#stub.index ? module : module + 1;
    const written = args.map(({ name: arg, kind, instance }) => [name(arg), Buffer.from([kind]), number(instance + 1)]);
    return one(CORE_INSTANCE, [0], number(moved), number(args.length), ...written.flat());
  }

  #alias({ sort, target, instance, name: exported }) {
    if (target === 1) {
      this.#taken.add(exported);
      const taken = replaced.get(exported) ?? exported;
      return { sort, instead: one(ALIAS, [0, sort - CORE_FUNC, 1], number(instance + 1), name(taken)) };
    }
    if (target !== 0) throw new Error("an alias of an outer definition");
    const of = this.#known[INSTANCE_SORT][instance];
    const thing = of.exports?.get(exported) ?? {};
    if (!of.stubbed) return { sort, thing };
    if (sort === FUNC) return { sort, thing: { stubbed: true }, instead: this.#placeholder() };
    if (sort === TYPE_SORT) return { sort, thing, instead: one(TYPE, thing.resource ? [0x3f, 0x7f, 0] : [0x7d]) };
    throw new Error(`an alias of ${exported}, which is neither function nor type`);
  }

  #canon({ lower, lift }) {
    if (lift !== undefined) return { sort: FUNC };
    if (!this.#known[FUNC][lower]?.stubbed) return { sort: CORE_FUNC };
    const type = this.#signatures.get(this.#known[CORE_FUNC].length);
    if (!type) throw new Error("a function of WASI that no module imports");
    const place = this.#stub.types.push(type) - 1;
    return { sort: CORE_FUNC, instead: one(ALIAS, [0, 0, 1], number(0), name(String(place))) };
  }

  #import({ name: imported, kind: sort, index }) {
    if (sort !== INSTANCE_SORT) return { sort, thing: this.#known[sort]?.[index] };
    const { exports } = this.#known[TYPE_SORT][index];
    if (imported === LOG) this.#log = this.#known[INSTANCE_SORT].length;
    if (!isStubbed(imported)) return { sort, thing: { exports } };
    return { sort, thing: { exports, stubbed: true }, instead: one(INSTANCE, [1, 0]) };
  }
}
