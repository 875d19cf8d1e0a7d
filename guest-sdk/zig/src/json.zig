//! Functions for JSON values that `std.json` lacks.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Value = std.json.Value;

/// A value as a number; null for other types, for no value, and for numbers beyond the range of an `f64`.
pub fn number(value: ?Value) ?f64 {
    const read_number: f64 = switch (value orelse return null) {
        .integer => |integer| @floatFromInt(integer),
        .float => |float| float,
        .number_string => |text| std.fmt.parseFloat(f64, text) catch return null,
        else => return null,
    };
    return if (std.math.isFinite(read_number)) read_number else null;
}

/// Reads JSON text as a `T`. The conversions between types that `std.json` allows are errors: the string "nan" is not a
/// number, and a list of numbers is not a string.
pub fn read(comptime T: type, arena: Allocator, text: []const u8, options: std.json.ParseOptions) !T {
    const value = try std.json.parseFromSliceLeaky(Value, arena, text, .{});
    if (!fits(T, value)) return error.UnexpectedToken;
    return std.json.parseFromValueLeaky(T, arena, value, options);
}

/// Whether numbers, strings and enumerations in `value` have the same type as in `T`. `std.json` checks the rest.
fn fits(comptime T: type, value: Value) bool {
    switch (@typeInfo(T)) {
        .int, .float => return number(value) != null,
        .optional => |optional| return value == .null or fits(optional.child, value),
        .pointer => |pointer| return if (pointer.size == .one) fits(pointer.child, value) else eachFits(pointer.child, value),
        .array => |array| return eachFits(array.child, value),
        .vector => |vector| return eachFits(vector.child, value),
        .@"enum" => return readsItself(T) or value == .string,
        .@"union" => |info| return readsItself(T) or membersFit(info, value),
        .@"struct" => |info| return readsItself(T) or if (info.is_tuple) elementsFit(info, value) else membersFit(info, value),
        else => return true,
    }
}

fn eachFits(comptime Item: type, value: Value) bool {
    if (Item == u8) return value == .string;
    if (value == .array) for (value.array.items) |item| if (!fits(Item, item)) return false;
    return true;
}

fn elementsFit(comptime info: anytype, value: Value) bool {
    if (value == .array) inline for (info.field_types, 0..) |Field, index| {
        if (index < value.array.items.len and !fits(Field, value.array.items[index])) return false;
    };
    return true;
}

fn membersFit(comptime info: anytype, value: Value) bool {
    if (value == .object) inline for (info.field_names, info.field_types) |name, Field| {
        if (value.object.get(name)) |member| if (!fits(Field, member)) return false;
    };
    return true;
}

/// Whether a type has a parse function of its own, which decides what it accepts.
fn readsItself(comptime T: type) bool {
    const has_reader = std.meta.hasFn(T, "jsonParseFromValue");
    if (std.meta.hasFn(T, "jsonParse") and !has_reader) {
        @compileError("`" ++ @typeName(T) ++ "` has `jsonParse`, but `jsonParseFromValue` is called, which is missing");
    }
    return has_reader;
}

/// Whether a text is a JSON pointer (RFC 6901 section 3).
pub fn isPointer(text: []const u8) bool {
    for (text, 0..) |character, index| {
        const rest = text[index + 1 ..];
        if (character == '~' and (rest.len == 0 or (rest[0] != '0' and rest[0] != '1'))) return false;
    }
    return text.len == 0 or text[0] == '/';
}

/// The value at a JSON pointer (RFC 6901), found like the host finds it.
pub fn find(arena: Allocator, document: Value, pointer: []const u8) !?Value {
    if (pointer.len == 0) return document;
    var value = document;
    var tokens = std.mem.splitScalar(u8, pointer[1..], '/');
    while (tokens.next()) |token| switch (value) {
        .object => |object| {
            const slashes = try std.mem.replaceOwned(u8, arena, token, "~1", "/");
            value = object.get(try std.mem.replaceOwned(u8, arena, slashes, "~0", "~")) orelse return null;
        },
        .array => |array| {
            for (token) |digit| if (!std.ascii.isDigit(digit)) return null;
            if (token.len > 1 and token[0] == '0') return null;
            const index = std.fmt.parseUnsigned(usize, token, 10) catch return null;
            if (index >= array.items.len) return null;
            value = array.items[index];
        },
        else => return null,
    };
    return value;
}

test "a pointer begins with a slash, and has 0 or 1 after a tilde" {
    for ([_][]const u8{ "", "/", "/a", "/a~0~1/b" }) |text| try std.testing.expect(isPointer(text));
    for ([_][]const u8{ "a", "~0", "/~", "/a~", "/a~2", "/a~/b", "/~0~" }) |text| try std.testing.expect(!isPointer(text));
}

test "only numbers are numbers" {
    try std.testing.expectEqual(5, number(.{ .integer = 5 }).?);
    try std.testing.expectEqual(0.5, number(.{ .float = 0.5 }).?);
    try std.testing.expectEqual(0x1p64, number(.{ .number_string = "18446744073709551615" }).?);
    try std.testing.expectEqual(null, number(.{ .number_string = "1e999" }));
    try std.testing.expectEqual(null, number(.{ .bool = true }));
    try std.testing.expectEqual(null, number(.{ .string = "5" }));
    try std.testing.expectEqual(null, number(null));
}

fn expectRead(comptime T: type, expected: anyerror!T, text: []const u8) !void {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const answer = read(T, arena.allocator(), text, .{});
    if (expected) |value| try std.testing.expectEqualDeep(value, try answer) else |err| try std.testing.expectError(err, answer);
}

test "types are not converted" {
    try expectRead(f64, 0.5, "0.5");
    try expectRead(f64, 5, "5");
    try expectRead(u64, 18446744073709551615, "18446744073709551615");
    try expectRead(u8, error.Overflow, "256");
    try expectRead(i64, error.InvalidNumber, "0.5");
    for ([_][]const u8{ "\"nan\"", "\"inf\"", "\"5\"", "\"1_000\"", "true", "null", "[5]", "1e999" }) |text| {
        try expectRead(f64, error.UnexpectedToken, text);
        try expectRead(i64, error.UnexpectedToken, text);
    }
    try expectRead([]const u8, "al", "\"al\"");
    try expectRead([]const u8, error.UnexpectedToken, "[97, 108]");
    try expectRead([2]u8, error.UnexpectedToken, "[97, 108]");
    try expectRead(?i64, null, "null");

    const Kind = enum { a, b };
    try expectRead(Kind, .b, "\"b\"");
    try expectRead(Kind, error.UnexpectedToken, "1");
    try expectRead(Kind, error.InvalidEnumTag, "\"c\"");
}

test "types are compared at every depth" {
    const Part = struct { max: ?f64 = null, parts: []const @This() = &.{} };
    try expectRead(Part, .{ .parts = &.{.{ .max = 5 }} }, "{\"parts\": [{\"max\": 5}]}");
    try expectRead(Part, error.UnexpectedToken, "{\"parts\": [{\"parts\": [{\"max\": \"nan\"}]}]}");
    try expectRead(Part, error.DuplicateField, "{\"max\": 5, \"max\": 6}");
    try expectRead(Part, error.UnknownField, "{\"min\": 5}");

    try expectRead(struct { i64, f64 }, error.UnexpectedToken, "[1, \"nan\"]");
    const Bound = union(enum) { max: f64, none };
    try expectRead(Bound, .{ .max = 5 }, "{\"max\": 5}");
    try expectRead(Bound, error.UnexpectedToken, "{\"max\": \"nan\"}");
}
