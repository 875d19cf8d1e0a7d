//! A hostile check in Zig: the name of the component selects what it tries.

const std = @import("std");
const guardhouse = @import("guardhouse");
const AuthContext = guardhouse.AuthContext;

pub const panic = guardhouse.panic;
pub const std_options = guardhouse.std_options;

const behaviors = .{
    .{ "allow", allow },
    .{ "refuse", refuse },
    .{ "message", message },
    .{ "loop", loop },
    .{ "allocate", allocate },
    .{ "recurse", recurse },
    .{ "fill", fill },
    .{ "exception", exception },
    .{ "panic", panicking },
    .{ "random", random },
    .{ "print", print },
    .{ "scopes", scopes },
    .{ "claims", claims },
    .{ "echo", echo },
};

pub fn check(ctx: *const AuthContext) anyerror!bool {
    inline for (behaviors) |behavior| {
        if (std.mem.eql(u8, ctx.component.name, behavior[0])) return behavior[1](ctx);
    }
    // A check without an outcome does not compile. The target has no processes, files, sockets, environment, clocks or
    // threads.
    std.debug.panic("not expressible: {s}", .{ctx.component.name});
}

comptime {
    guardhouse.exportPlugin(@This(), .{});
}

fn allow(_: *const AuthContext) !bool {
    return true;
}

fn refuse(_: *const AuthContext) !bool {
    return false;
}

fn message(ctx: *const AuthContext) !bool {
    return ctx.deny("né 🙂", .{});
}

fn loop(_: *const AuthContext) !bool {
    var turns: u32 = 0;
    while (true) std.mem.doNotOptimizeAway(&turns);
}

fn allocate(_: *const AuthContext) !bool {
    while (true) @memset(try std.heap.wasm_allocator.alloc(u8, 1 << 20), 1);
}

fn recurse(_: *const AuthContext) !bool {
    var depth: u32 = 0;
    return deeper(&depth) > 0;
}

/// Not a tail call, because the result is used.
fn deeper(depth: *volatile u32) u32 {
    var here: u32 = depth.* +% 1;
    const kept: *volatile u32 = &here;
    depth.* = here;
    return deeper(depth) +% kept.*;
}

/// Its array is larger than the stack. Where the array begins there must be no data that could be overwritten.
noinline fn fill(ctx: *const AuthContext) !bool {
    var array: [300 * 1024]u8 = undefined;
    const bytes: [*]volatile u8 = &array;
    const seed: u64 = @bitCast(ctx.now);
    for (0..array.len) |index| bytes[index] = @truncate(index +% seed);
    return bytes[1] +% bytes[array.len - 1] != 77;
}

fn exception(_: *const AuthContext) !bool {
    try failing();
    return true;
}

fn failing() !void {
    try failingBelow();
}

fn failingBelow() !void {
    return error.@"secret 7f3a";
}

fn panicking(ctx: *const AuthContext) !bool {
    var index: usize = ctx.component.name.len;
    std.mem.doNotOptimizeAway(&index);
    return ctx.component.name[index] == 0;
}

fn random(ctx: *const AuthContext) !bool {
    var generator: std.Random.DefaultPrng = .init(@bitCast(ctx.now));
    std.log.info("{d}", .{generator.random().int(u32)});
    return true;
}

fn print(_: *const AuthContext) !bool {
    guardhouse.log.info("to stdout");
    guardhouse.log.err("to stderr");
    return true;
}

fn scopes(ctx: *const AuthContext) !bool {
    const held = (ctx.token orelse return false).scopes;
    if (held.len != 10_000) return false;
    for (held, 0..) |scope, index| {
        if (!std.mem.eql(u8, scope, try std.fmt.allocPrint(ctx.arena, "s{d}", .{index}))) return false;
    }
    return true;
}

fn claims(ctx: *const AuthContext) !bool {
    const blob = try ctx.claimAs([]const u8, "/blob") orelse return false;
    return blob.len == 1_000_000;
}

fn echo(ctx: *const AuthContext) !bool {
    const client_id = if (ctx.token) |token| token.client_id else "";
    const tags = try std.mem.join(ctx.arena, ",", ctx.component.tags);
    const arguments = if (ctx.argument("")) |value| try std.json.Stringify.valueAlloc(ctx.arena, value, .{}) else "-";
    return ctx.deny("{s}|{s}|{s}|{s}", .{ client_id, ctx.component.uri orelse "-", tags, arguments });
}
