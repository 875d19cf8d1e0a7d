// IP addresses and networks, as lists of eight groups of 16 bits. An IPv4 address has the groups that it has in IPv6.

const BYTE = "(0|[1-9][0-9]{0,2})";
const IPV4 = new RegExp(`^${BYTE}\\.${BYTE}\\.${BYTE}\\.${BYTE}$`);

/** The groups of an address; undefined if the text is not one. */
export function parseAddress(text) {
  const groups = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return groups && (groups.length === 2 ? [0, 0, 0, 0, 0, 0xffff, ...groups] : groups);
}

/** The groups of a network's address, and the length of its prefix in IPv6; undefined if the text is not a network. */
export function parseNetwork(text) {
  const [start, bits] = text.split("/");
  const length = Number(bits) + (start.includes(":") ? 0 : 96);
  const groups = parseAddress(start);
  return groups && length <= 128 ? { groups, length } : undefined;
}

/** Whether an address is in a network. */
export function isWithin(address, network) {
  const { groups, length } = parseNetwork(network);
  return address.every((group, index) => {
    const rest = Math.max(0, 16 - Math.max(0, length - 16 * index));
    return group >> rest === groups[index] >> rest;
  });
}

/** Two groups. */
function parseIpv4(text) {
  const bytes = IPV4.exec(text)?.slice(1).map(Number);
  return bytes?.every((byte) => byte <= 255) ? [bytes[0] * 256 + bytes[1], bytes[2] * 256 + bytes[3]] : undefined;
}

/** Eight groups. */
function parseIpv6(text) {
  const [head, tail, ...more] = text.split("::").map(parseGroups);
  if (more.length > 0 || !head) return undefined;
  if (tail === undefined) return text.includes("::") || head.length !== 8 ? undefined : head;
  const gap = 8 - head.length - tail.length;
  return gap > 0 ? [...head, ...Array(gap).fill(0), ...tail] : undefined;
}

/** The groups between colons, of which the last may be an IPv4 address. */
function parseGroups(text, index, parts) {
  if (text === "") return [];
  const words = text.split(":");
  const isLast = index === parts.length - 1;
  const groups = words.map((word, at) => {
    if (/^[0-9a-f]{1,4}$/i.test(word)) return [Number.parseInt(word, 16)];
    return isLast && at === words.length - 1 ? parseIpv4(word) : undefined;
  });
  return groups.includes(undefined) ? undefined : groups.flat();
}
