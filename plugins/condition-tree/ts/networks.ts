// IP addresses and networks, as lists of eight groups of 16 bits. An IPv4 address has the groups that it has in IPv6.

type Groups = readonly number[];

const BYTE = "(0|[1-9][0-9]{0,2})";
const IPV4 = new RegExp(`^${BYTE}\\.${BYTE}\\.${BYTE}\\.${BYTE}$`);

/** The groups of an address; undefined if the text is not one. */
export function parseAddress(text: string): Groups | undefined {
  const groups = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return groups && (groups.length === 2 ? [0, 0, 0, 0, 0, 0xffff, ...groups] : groups);
}

/** The groups of a network's address, and the length of its prefix in IPv6; undefined if the text is not a network. */
export function parseNetwork(text: string): { groups: Groups; length: number } | undefined {
  const [start = "", bits] = text.split("/");
  const length = Number(bits) + (start.includes(":") ? 0 : 96);
  const groups = parseAddress(start);
  return groups && length <= 128 ? { groups, length } : undefined;
}

/** Whether an address is in a network. */
export function isWithin(address: Groups, network: string): boolean {
  const parsed = parseNetwork(network);
  if (!parsed) throw new Error(`\`${network}\` is not a network`);
  return address.every((group, index) => {
    const rest = Math.max(0, 16 - Math.max(0, parsed.length - 16 * index));
    return group >> rest === (parsed.groups[index] ?? 0) >> rest;
  });
}

/** Two groups. */
function parseIpv4(text: string): Groups | undefined {
  const bytes = IPV4.exec(text)?.slice(1).map(Number);
  if (!bytes?.every((byte) => byte <= 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [a * 256 + b, c * 256 + d];
}

/** Eight groups. */
function parseIpv6(text: string): Groups | undefined {
  const [head, tail, ...more] = text.split("::").map(parseGroups);
  if (more.length > 0 || !head) return undefined;
  if (!tail) return text.includes("::") || head.length !== 8 ? undefined : head;
  const gap = 8 - head.length - tail.length;
  return gap > 0 ? [...head, ...Array<number>(gap).fill(0), ...tail] : undefined;
}

/** The groups between colons, of which the last may be an IPv4 address. */
function parseGroups(text: string, index: number, parts: readonly string[]): Groups | undefined {
  if (text === "") return [];
  const words = text.split(":");
  const isLast = index === parts.length - 1;
  const groups = words.map((word, at): Groups | undefined => {
    if (/^[0-9a-f]{1,4}$/i.test(word)) return [Number.parseInt(word, 16)];
    return isLast && at === words.length - 1 ? parseIpv4(word) : undefined;
  });
  return groups.every((group) => group !== undefined) ? groups.flat() : undefined;
}
