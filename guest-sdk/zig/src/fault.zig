//! Faults end a call without an answer: the caller sees a denial without a message, and the operator sees the cause.

const std = @import("std");
const log = @import("log.zig");

/// Ends the call, with a message for the operator.
pub fn fault(message: []const u8) noreturn {
    log.log(.critical, "exception", message);
    @trap();
}

fn panicked(message: []const u8, _: ?usize) noreturn {
    var buffer: [4096]u8 = undefined;
    fault(log.print(&buffer, "panic: {s}", .{message}));
}

pub const panic = std.debug.FullPanic(panicked);
