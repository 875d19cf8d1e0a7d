//! The exports of a plugin, which the host calls.

const std = @import("std");
const abi = @import("abi.zig");
const context = @import("context.zig");
const fault = @import("fault.zig");
const inBounds = @import("bounds.zig").inBounds;
const json = @import("json.zig");
const log = @import("log.zig");
const AuthContext = context.AuthContext;
const is_plugin = @import("builtin").target.cpu.arch.isWasm();

/// The parameters of `exportPlugin` that the declarations do not contain.
pub const Options = struct {
    /// The JSON Schema of the settings: `@embedFile("settings.schema.json")`.
    schema: ?[]const u8 = null,
};

/// Exports the `pub` declarations of `Check`, usually `@This()`; others are ignored:
///
/// | declaration | |
/// |---|---|
/// | `check(ctx: *const AuthContext) !bool` | the check of a plugin without settings |
/// | `Settings`, `check(ctx: *const AuthContext, settings: *const Settings) !bool` | the check of a plugin with settings, parsed by `std.json` |
/// | `validate(settings: *const Settings) ?[]const u8` | optional: a message that rejects settings which match the schema |
/// | `missingScopes(ctx[, settings]) ![]const []const u8` | optional: exports `step-up`, which names missing scopes |
///
/// `true` allows, `false` denies without a message, and `ctx.deny` denies with a message. Any other error and a panic
/// are faults: they deny too, the caller does not see them, and the operator's log does.
pub fn exportPlugin(comptime Check: type, comptime options: Options) void {
    const has_settings = @hasDecl(Check, "Settings");
    if (has_settings != (options.schema != null)) @compileError("a plugin has both a type `Settings` and a schema, or neither");
    if (!is_plugin) return;

    const calls = Calls(Check, options.schema orelse "");
    @export(&realloc, .{ .name = abi.names.realloc });
    @export(&calls.check, .{ .name = abi.names.check_check });
    @export(&release, .{ .name = abi.names.check_check_post });
    if (has_settings) {
        @export(&calls.schema, .{ .name = abi.names.settings_schema });
        @export(&calls.configure, .{ .name = abi.names.settings_configure });
        @export(&release, .{ .name = abi.names.settings_configure_post });
    }
    if (@hasDecl(Check, "missingScopes")) {
        @export(&calls.missingScopes, .{ .name = abi.names.step_up_missing_scopes });
        @export(&release, .{ .name = abi.names.step_up_missing_scopes_post });
    }
}

/// The allocator of whole pages.
const pages = if (is_plugin) std.heap.wasm_allocator else std.heap.page_allocator;

/// The memory of one call.
var arena: std.heap.ArenaAllocator = .init(pages);

/// Allocates memory for the strings and lists of the host.
fn realloc(old: ?[*]const u8, old_size: usize, alignment: usize, size: usize) callconv(.c) [*]u8 {
    if (size == 0) return @ptrFromInt(alignment);
    const data = arena.allocator().rawAlloc(size, .fromByteUnits(alignment), @returnAddress()) orelse @trap();
    if (old_size > 0) @memcpy(data[0..@min(old_size, size)], old.?[0..@min(old_size, size)]);
    return data;
}

/// Releases the memory of one call, except for a little that the next call reuses.
fn release(_: *const anyopaque) callconv(.c) void {
    _ = arena.reset(.{ .retain_with_limit = 64 * 1024 });
}

fn Calls(comptime Check: type, comptime schema_text: []const u8) type {
    return struct {
        const has_settings = @hasDecl(Check, "Settings");
        const Settings = if (has_settings) Check.Settings else void;

        var settings: ?Settings = if (has_settings) null else {};
        var kept: std.heap.ArenaAllocator = .init(pages);
        var denial: ?[]const u8 = null;

        fn check(record: *const abi.AuthContext) callconv(.c) *const abi.ResultBoolAuthorizationError {
            const result = struct {
                var value: abi.ResultBoolAuthorizationError = undefined;
            };
            denial = null;
            if (ask(Check.check, record)) |is_allowed| {
                const allows: bool = is_allowed;
                result.value = .{ .is_err = false, .value = .{ .ok = allows } };
            } else |err| {
                if (err != error.AuthorizationError) fail(err);
                const message = denial orelse fault.fault("error.AuthorizationError was returned without ctx.deny");
                result.value = .{ .is_err = true, .value = .{ .err = .{ .message = text(message) } } };
            }
            return &result.value;
        }

        fn missingScopes(record: *const abi.AuthContext) callconv(.c) *const abi.ListString {
            const result = struct {
                var value: abi.ListString = undefined;
            };
            const missing: []const []const u8 = ask(Check.missingScopes, record) catch |err| fail(err);
            const list = arena.allocator().alloc(abi.String, missing.len) catch |err| fail(err);
            for (list, missing) |*item, scope| item.* = text(scope);
            result.value = .{ .data = inBounds(abi.String, list), .length = list.len };
            return &result.value;
        }

        fn schema() callconv(.c) *const abi.String {
            const result: *const abi.String = &.{ .data = schema_text.ptr, .length = schema_text.len };
            return result;
        }

        fn configure(data: [*]const u8, length: usize) callconv(.c) *const abi.ResultVoidString {
            const result = struct {
                var value: abi.ResultVoidString = undefined;
            };
            const problem = configured(data[0..length]);
            result.value = .{ .is_err = problem != null, .value = .{ .err = text(problem orelse "") } };
            return &result.value;
        }

        /// Keeps the settings, or returns a message that rejects them.
        fn configured(document: []const u8) ?[]const u8 {
            settings = null;
            const read = json.read(Settings, kept.allocator(), document, .{}) catch |err| return @errorName(err);
            if (@hasDecl(Check, "validate")) if (Check.validate(&read)) |problem| return problem;
            settings = read;
            return null;
        }

        /// Calls a function of the check.
        fn ask(comptime function: anytype, record: *const abi.AuthContext) Answer(@TypeOf(function)) {
            const ctx = context.fromHost(record, arena.allocator(), &denial) catch |err| fail(err);
            if (!has_settings) return function(&ctx);
            if (settings == null) fault.fault("the plugin was called before it was configured");
            return function(&ctx, &settings.?);
        }
    };
}

/// The return type of a function, as an error union with any error.
fn Answer(comptime Function: type) type {
    const Returned = @typeInfo(Function).@"fn".return_type.?;
    return switch (@typeInfo(Returned)) {
        .error_union => |answer| anyerror!answer.payload,
        else => anyerror!Returned,
    };
}

/// Ends the call because of an error that is not a denial.
fn fail(err: anyerror) noreturn {
    var buffer: [256]u8 = undefined;
    fault.fault(log.print(&buffer, "error.{s}", .{@errorName(err)}));
}

fn text(slice: []const u8) abi.String {
    return .{ .data = inBounds(u8, slice), .length = slice.len };
}

const nobody: abi.AuthContext = .{
    .token = .{ .is_some = false, .value = undefined },
    .component = .{ .kind = text("tool"), .name = text("pay"), .uri = none, .version = none, .tags = empty },
    .action = text("tools/call"),
    .now = 5,
};
const none: abi.OptionString = .{ .is_some = false, .value = undefined };
const empty: abi.ListString = .{ .data = inBounds(abi.String, &.{}), .length = 0 };

test "each answer is encoded for the host" {
    const calls = Calls(struct {
        pub fn check(ctx: *const AuthContext) !bool {
            try std.testing.expectEqualStrings("pay", ctx.component.name);
            if (ctx.now == 5) return ctx.deny("at {d}", .{ctx.now});
            return ctx.now == 6;
        }
    }, "");
    var record = nobody;
    const denied = calls.check(&record);
    try std.testing.expect(denied.is_err);
    const message = denied.value.err.message;
    try std.testing.expectEqualStrings("at 5", message.data[0..message.length]);
    release(denied);

    record.now = 6;
    const allowed = calls.check(&record);
    try std.testing.expect(!allowed.is_err and allowed.value.ok);
    try std.testing.expectEqual(null, calls.denial);
    record.now = 7;
    const refused = calls.check(&record);
    try std.testing.expect(!refused.is_err and !refused.value.ok);
}

test "rejected settings are not kept" {
    const calls = Calls(struct {
        pub const Settings = struct { max: i64 };
        pub fn validate(settings: *const Settings) ?[]const u8 {
            return if (settings.max < 0) "`max` is negative" else null;
        }
    }, "{}");
    try std.testing.expectEqual(null, calls.configured("{\"max\": 5}"));
    try std.testing.expectEqual(5, calls.settings.?.max);
    try std.testing.expectEqualStrings("`max` is negative", calls.configured("{\"max\": -5}").?);
    try std.testing.expectEqual(null, calls.settings);
    try std.testing.expectEqualStrings("UnexpectedToken", calls.configured("{\"max\": \"5\"}").?);
}

test "reallocation copies the content, and an empty allocation is in bounds" {
    const first = realloc(null, 0, 8, 3);
    @memcpy(first[0..3], "abc");
    const second = realloc(first, 3, 8, 5);
    try std.testing.expectEqualStrings("abc", second[0..3]);
    try std.testing.expect(std.mem.isAligned(@intFromPtr(second), 8));
    try std.testing.expectEqual(8, @intFromPtr(realloc(null, 0, 8, 0)));
    release(first);
}
