import { MODULE, COMPONENT, sections } from "./reader.js";
import { Rewriting } from "./rewriting.js";

/**
 * The component without its imports of WASI and of the engine's loader of modules: what asks for them traps. It is
 * also without the components around it, of which a host could take no snapshot.
 */
export function withoutWasi(component) {
  const inner = innermost(component);
  const rewriting = new Rewriting(inner);
  for (const { id, body } of sections(inner)) rewriting.section(id, body);
  return Buffer.concat([inner.subarray(0, 8), ...rewriting.written()]);
}

/** The component in which the engine is, however many others are around it. */
function innermost(component) {
  const all = [...sections(component)];
  if (all.some(({ id }) => id === MODULE)) return component;
  const nested = all.filter(({ id }) => id === COMPONENT).map(({ body }) => body);
  if (nested.length === 0) throw new Error("the component holds no module");
  return innermost(nested.reduce((largest, body) => (body.length > largest.length ? body : largest)));
}
