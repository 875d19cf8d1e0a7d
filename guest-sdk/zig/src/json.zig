//! JSON values as `std.json` has them, and what it does not do itself.

const std = @import("std");
const Value = std.json.Value;

/// The number that a value is; null for anything else, and for no value.
pub fn number(value: ?Value) ?f64 {
    return switch (value orelse return null) {
        .integer => |integer| @floatFromInt(integer),
        .float => |float| float,
        .number_string => |text| std.fmt.parseFloat(f64, text) catch null,
        else => null,
    };
}

/// The value that a JSON pointer (RFC 6901) names, read as the host reads it.
pub fn find(arena: std.mem.Allocator, document: Value, pointer: []const u8) !?Value {
    if (pointer.len == 0) return document;
    if (pointer[0] != '/') return null;
    var value = document;
    var tokens = std.mem.splitScalar(u8, pointer[1..], '/');
    while (tokens.next()) |token| switch (value) {
        .object => |object| {
            const slashes = try std.mem.replaceOwned(u8, arena, token, "~1", "/");
            value = object.get(try std.mem.replaceOwned(u8, arena, slashes, "~0", "~")) orelse return null;
        },
        .array => |array| {
            const is_index = token.len == 1 or (token.len > 1 and token[0] != '0' and token[0] != '+');
            const index = std.fmt.parseUnsigned(usize, token, 10) catch return null;
            if (!is_index or index >= array.items.len) return null;
            value = array.items[index];
        },
        else => return null,
    };
    return value;
}

test "numbers are numbers, and nothing else is" {
    try std.testing.expectEqual(5, number(.{ .integer = 5 }).?);
    try std.testing.expectEqual(0.5, number(.{ .float = 0.5 }).?);
    try std.testing.expectEqual(0x1p64, number(.{ .number_string = "18446744073709551615" }).?);
    try std.testing.expectEqual(null, number(.{ .bool = true }));
    try std.testing.expectEqual(null, number(.{ .string = "5" }));
    try std.testing.expectEqual(null, number(null));
}
