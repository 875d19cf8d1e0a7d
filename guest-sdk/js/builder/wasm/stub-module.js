import { name, number, section, vector } from "./writer.js";

/** A core module that exports a trapping function of each of `types`, named by its position. */
export function stubModule(types) {
  const places = types.map((_, place) => place);
  const trap = Buffer.from([3, 0, 0x00, 0x0b]);
  return Buffer.concat([
    Buffer.from([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    section(1, vector(types)),
    section(3, vector(places.map(number))),
    section(7, vector(places.map((place) => Buffer.concat([name(String(place)), Buffer.from([0]), number(place)])))),
    section(10, vector(places.map(() => trap))),
  ]);
}
