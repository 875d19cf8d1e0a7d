//! IP addresses as numbers of 128 bits. That of an IPv4 address is the one that it has in IPv6.

const std = @import("std");
const net = std.Io.net;

/// A network: its address, and the number of bits after its prefix.
pub const Network = struct {
    start: u128,
    rest: u8,

    /// Whether an address is in the network.
    pub fn contains(network: Network, address: u128) bool {
        return std.math.shr(u128, address, network.rest) == std.math.shr(u128, network.start, network.rest);
    }
};

/// The network in a text such as `192.0.2.0/24`; null if the text is not one.
pub fn parse(text: []const u8) ?Network {
    const start, const digits = std.mem.cutScalar(u8, text, '/') orelse return null;
    const length = std.fmt.parseInt(u8, digits, 10) catch return null;
    const bits: u8 = if (std.mem.indexOfScalar(u8, start, ':') != null) 128 else 32;
    const rest = std.math.sub(u8, bits, length) catch return null;
    return .{ .start = parseAddress(start) orelse return null, .rest = rest };
}

/// The number of an address; null if the text is not an address.
pub fn parseAddress(text: []const u8) ?u128 {
    if (std.mem.indexOfScalar(u8, text, ':') == null) {
        const address = net.Ip4Address.parse(text, 0) catch return null;
        return 0xffff_0000_0000 | @as(u128, std.mem.readInt(u32, &address.bytes, .big));
    }
    if (hasEmptyGap(text)) return null;
    // An address with a zone is an error, too.
    const address = net.Ip6Address.parse(text, 0) catch return null;
    return std.mem.readInt(u128, &address.bytes, .big);
}

/// Whether `::` stands for no groups at all, which the standard library accepts.
fn hasEmptyGap(text: []const u8) bool {
    if (std.mem.indexOf(u8, text, "::") == null) return false;
    // An IPv4 address at the end is two groups.
    var groups: usize = @intFromBool(std.mem.indexOfScalar(u8, text, '.') != null);
    var words = std.mem.tokenizeScalar(u8, text, ':');
    while (words.next()) |_| groups += 1;
    return groups >= 8;
}
