//! What makes a plugin of a file: the exports that the host calls.

const std = @import("std");
const abi = @import("abi.zig");
const context = @import("context.zig");
const fault = @import("fault.zig");
const inBounds = @import("bounds.zig").inBounds;
const Allocator = std.mem.Allocator;
const AuthContext = context.AuthContext;
const is_plugin = @import("builtin").target.cpu.arch.isWasm();

/// What `exportPlugin` cannot see from the declarations.
pub const Options = struct {
    /// The JSON Schema of the settings: `@embedFile("settings.schema.json")`.
    schema: ?[]const u8 = null,
};

/// Exports what `Check`, usually `@This()`, declares:
///
/// | declaration | |
/// |---|---|
/// | `check(ctx: *const AuthContext) !bool` | the check of a plugin without settings |
/// | `Settings`, `check(ctx: *const AuthContext, settings: *const Settings) !bool` | of one with settings, read by `std.json` |
/// | `validate(settings: *const Settings) ?[]const u8` | optional: says what is wrong with settings that fit the schema |
/// | `missingScopes(ctx[, settings]) ![]const []const u8` | optional: exports step-up |
///
/// `true` allows, `false` denies without a word, and `ctx.deny` denies with a message. Any other error, and a panic, is a
/// fault: it denies too, and only the operator is told.
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

/// The memory of one call.
var arena: std.heap.ArenaAllocator = .init(std.heap.wasm_allocator);

/// How the host asks for memory to write strings and lists into.
fn realloc(old: ?[*]const u8, old_size: usize, alignment: usize, size: usize) callconv(.c) [*]u8 {
    if (size == 0) return @ptrFromInt(alignment);
    const data = arena.allocator().rawAlloc(size, .fromByteUnits(alignment), @returnAddress()) orelse @trap();
    if (old_size > 0) @memcpy(data[0..@min(old_size, size)], old.?[0..@min(old_size, size)]);
    return data;
}

/// Releases the memory of one call; a little is kept for the next.
fn release(_: *const anyopaque) callconv(.c) void {
    _ = arena.reset(.{ .retain_with_limit = 64 * 1024 });
}

fn Calls(comptime Check: type, comptime schema_text: []const u8) type {
    return struct {
        const has_settings = @hasDecl(Check, "Settings");
        const Settings = if (has_settings) Check.Settings else void;

        var settings: ?Settings = if (has_settings) null else {};
        var kept: std.heap.ArenaAllocator = .init(std.heap.wasm_allocator);
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
                const message = denial orelse fault.fault("error.AuthorizationError, but not by ctx.deny");
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

        /// Takes the settings, or says what is wrong with them.
        fn configured(document: []const u8) ?[]const u8 {
            const parsed = std.json.parseFromSliceLeaky(Settings, kept.allocator(), document, .{ .allocate = .alloc_always });
            settings = parsed catch |err| return @errorName(err);
            if (!@hasDecl(Check, "validate")) return null;
            return Check.validate(&settings.?);
        }

        /// Calls a function of the check.
        fn ask(comptime function: anytype, record: *const abi.AuthContext) Answer(@TypeOf(function)) {
            const ctx = context.fromHost(record, arena.allocator(), &denial) catch |err| fail(err);
            if (!has_settings) return function(&ctx);
            if (settings == null) fault.fault("the plugin was asked before it was configured");
            return function(&ctx, &settings.?);
        }
    };
}

/// What a function returns, as a union of errors of any kind and its answer.
fn Answer(comptime Function: type) type {
    const Returned = @typeInfo(Function).@"fn".return_type.?;
    return switch (@typeInfo(Returned)) {
        .error_union => |answer| anyerror!answer.payload,
        else => anyerror!Returned,
    };
}

/// Ends the call because of an error that is no denial.
fn fail(err: anyerror) noreturn {
    var buffer: [256]u8 = undefined;
    fault.fault(std.fmt.bufPrint(&buffer, "error.{s}", .{@errorName(err)}) catch "an error with a long name");
}

fn text(slice: []const u8) abi.String {
    return .{ .data = inBounds(u8, slice), .length = slice.len };
}
