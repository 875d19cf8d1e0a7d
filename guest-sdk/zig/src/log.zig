//! Messages for the operator's log, which the caller never sees. In a unit test, they are written to standard error.

const std = @import("std");
const abi = @import("abi.zig");
const inBounds = @import("bounds.zig").inBounds;
const is_plugin = @import("builtin").target.cpu.arch.isWasm();

pub const Level = abi.Level;

/// Logs `message` at `level`. `context` groups messages that belong together.
pub fn log(level: Level, context: []const u8, message: []const u8) void {
    if (is_plugin) {
        abi.logging.log(@intFromEnum(level), inBounds(u8, context), context.len, inBounds(u8, message), message.len);
    } else {
        std.debug.print("{s} {s}: {s}\n", .{ @tagName(level), context, message });
    }
}

/// Logs a step of the control flow.
pub fn trace(message: []const u8) void {
    log(.trace, "", message);
}

/// Logs a detail that helps to find errors.
pub fn debug(message: []const u8) void {
    log(.debug, "", message);
}

/// Logs a normal event.
pub fn info(message: []const u8) void {
    log(.info, "", message);
}

/// Logs a condition that may lead to an error.
pub fn warn(message: []const u8) void {
    log(.warn, "", message);
}

/// Logs an error.
pub fn err(message: []const u8) void {
    log(.@"error", "", message);
}

/// Logs an error after which the check cannot continue.
pub fn critical(message: []const u8) void {
    log(.critical, "", message);
}

/// The function that `std.log` calls. A message is cut at 4,096 bytes.
pub fn logFn(comptime level: std.log.Level, comptime scope: @EnumLiteral(), comptime format: []const u8, args: anytype) void {
    var buffer: [4096]u8 = undefined;
    log(switch (level) {
        .err => .@"error",
        .warn => .warn,
        .info => .info,
        .debug => .debug,
    }, if (scope == .default) "" else @tagName(scope), print(&buffer, format, args));
}

/// The formatted text, cut to the whole characters that fit into `buffer`: the host accepts only UTF-8.
pub fn print(buffer: []u8, comptime format: []const u8, args: anytype) []const u8 {
    var writer: std.Io.Writer = .fixed(buffer);
    writer.print(format, args) catch {
        const text = writer.buffered();
        var start = text.len;
        while (start > 0) {
            start -= 1;
            // A byte that does not begin a character continues one.
            const length = std.unicode.utf8ByteSequenceLength(text[start]) catch continue;
            return if (start + length > text.len) text[0..start] else text;
        }
    };
    return writer.buffered();
}

test "a text is cut between characters" {
    var buffer: [6]u8 = undefined;
    try std.testing.expectEqualStrings("né 5", print(&buffer, "né {d}", .{5}));
    try std.testing.expectEqualStrings("abcdef", print(&buffer, "{s}", .{"abcdef"}));
    try std.testing.expectEqualStrings("abcdef", print(&buffer, "{s}", .{"abcdefg"}));
    try std.testing.expectEqualStrings("abcd🙂"[0..4], print(&buffer, "{s}", .{"abcd🙂"}));
    try std.testing.expectEqualStrings("abcdé", print(&buffer, "{s}", .{"abcdéf"}));
    try std.testing.expectEqualStrings("abcde", print(&buffer, "{s}", .{"abcdeéf"}));
}
