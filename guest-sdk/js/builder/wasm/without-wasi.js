import { MODULE, COMPONENT, sections } from "./reader.js";
import { Rewriting } from "./rewriting.js";

/**
 * The component without its imports of WASI and of the engine's module loader: calls of them trap. The enclosing
 * components are removed too, because a host cannot take a snapshot of nested components.
 */
export function withoutWasi(component) {
  const inner = innermost(component);
  const rewriting = new Rewriting(inner);
  for (const { id, body } of sections(inner)) rewriting.section(id, body);
  return Buffer.concat([inner.subarray(0, 8), ...rewriting.written()]);
}

/** The innermost component, which contains the engine. */
function innermost(component) {
  const all = [...sections(component)];
  if (all.some(({ id }) => id === MODULE)) return component;
  const nested = all.filter(({ id }) => id === COMPONENT).map(({ body }) => body);
  if (nested.length === 0) throw new Error("the component does not contain a module");
  return innermost(nested.reduce((largest, body) => (body.length > largest.length ? body : largest)));
}
