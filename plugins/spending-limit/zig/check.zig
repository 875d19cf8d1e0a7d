//! Allows tokens with every scope of the settings, up to a limit on one argument of the call.

const std = @import("std");
const guardhouse = @import("guardhouse");
const AuthContext = guardhouse.AuthContext;

pub const panic = guardhouse.panic;
pub const std_options = guardhouse.std_options;

pub const Settings = struct {
    scopes: []const []const u8,
    suspended: []const []const u8 = &.{},
    limit: ?Limit = null,

    const Limit = struct {
        /// A JSON pointer (RFC 6901).
        argument: []const u8,
        max: i64,
    };
};

pub fn check(ctx: *const AuthContext, settings: *const Settings) !bool {
    const token = ctx.token orelse return false;
    for (settings.suspended) |client_id| {
        if (std.mem.eql(u8, client_id, token.client_id)) return ctx.deny("client `{s}` is suspended", .{client_id});
    }
    if (!token.hasScopes(settings.scopes)) return false;
    const limit = settings.limit orelse return true;
    if (std.mem.endsWith(u8, ctx.action, "/list")) return true;

    const max: f64 = @floatFromInt(limit.max);
    if (guardhouse.number(ctx.argument(limit.argument))) |amount| if (amount <= max) return true;
    return ctx.deny("argument `{s}` must be a number of at most {d}", .{ limit.argument, limit.max });
}

/// Missing scopes are the only reason to deny a token without a message, so the plugin can name them.
pub fn missingScopes(ctx: *const AuthContext, settings: *const Settings) ![]const []const u8 {
    const token = ctx.token orelse return &.{};
    return token.missingScopes(ctx.arena, settings.scopes);
}

comptime {
    guardhouse.exportPlugin(@This(), .{ .schema = @embedFile("settings.schema.json") });
}

const Request = guardhouse.testing.Request;

test "a call within the limit is allowed" {
    const settings: Settings = .{ .scopes = &.{"pay"}, .limit = .{ .argument = "/amount", .max = 1000 } };
    const request: Request = try .init(.{ .scopes = &.{"pay"}, .arguments = "{\"amount\": 250}" });
    defer request.deinit();
    try std.testing.expect(try check(request.ctx, &settings));
}

test "a call above the limit is denied with a message" {
    const settings: Settings = .{ .scopes = &.{}, .limit = .{ .argument = "/amount", .max = 1000 } };
    const request: Request = try .init(.{ .token = true, .arguments = "{\"amount\": 1000.25}" });
    defer request.deinit();
    try request.expectDenied("argument `/amount` must be a number of at most 1000", check(request.ctx, &settings));
}

test "a suspended client is denied with a message" {
    const settings: Settings = .{ .scopes = &.{"pay"}, .suspended = &.{"mallory"} };
    const request: Request = try .init(.{ .client_id = "mallory" });
    defer request.deinit();
    try request.expectDenied("client `mallory` is suspended", check(request.ctx, &settings));
}

test "missing scopes are named only for a token" {
    const settings: Settings = .{ .scopes = &.{ "pay", "audit", "audit" } };
    const nobody: Request = try .init(.{});
    defer nobody.deinit();
    try std.testing.expect(!try check(nobody.ctx, &settings));
    try std.testing.expectEqual(0, (try missingScopes(nobody.ctx, &settings)).len);

    const somebody: Request = try .init(.{ .scopes = &.{"pay"} });
    defer somebody.deinit();
    const missing = try missingScopes(somebody.ctx, &settings);
    try std.testing.expectEqual(1, missing.len);
    try std.testing.expectEqualStrings("audit", missing[0]);
}

test "settings are read as the host passes them" {
    const settings = try guardhouse.testing.settings(Settings, "{\"scopes\": [\"pay\"], \"limit\": {\"argument\": \"/a\", \"max\": -5}}");
    defer settings.deinit();
    try std.testing.expectEqual(-5, settings.value.limit.?.max);
    try std.testing.expectEqual(0, settings.value.suspended.len);
}
