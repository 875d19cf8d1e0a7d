//! Allows the requests for which a tree of conditions is true.

const std = @import("std");
const guardhouse = @import("guardhouse");
const network = @import("network.zig");
const AuthContext = guardhouse.AuthContext;

pub const panic = guardhouse.panic;
pub const std_options = guardhouse.std_options;

/// The settings, as settings.schema.json describes them. The schema bounds the depth of the tree.
pub const Settings = struct {
    condition: Condition,
};

const Condition = union(enum) {
    all: []const Condition,
    any: []const Condition,
    none: []const Condition,
    compare: struct { argument: []const u8, is: Comparison, number: f64 },
    equals: Text,
    contains: Text,
    network: struct { attribute: []const u8, in: []const []const u8 },

    const Comparison = enum { @"<", @"<=", @"=", @">=", @">" };
    const Text = struct { claim: []const u8, text: []const u8 };

    /// True or false; null if the answer depends on an input that is missing.
    fn evaluate(condition: Condition, ctx: *const AuthContext) error{NumberTooLarge}!?bool {
        switch (condition) {
            .all => |conditions| return firstOrAll(conditions, ctx, false),
            .any => |conditions| return firstOrAll(conditions, ctx, true),
            .none => |conditions| {
                const answer = try firstOrAll(conditions, ctx, true) orelse return null;
                return !answer;
            },
            .compare => |comparison| {
                const value = try amount(ctx.argument(comparison.argument)) orelse return null;
                return switch (comparison.is) {
                    .@"<" => value < comparison.number,
                    .@"<=" => value <= comparison.number,
                    .@"=" => value == comparison.number,
                    .@">=" => value >= comparison.number,
                    .@">" => value > comparison.number,
                };
            },
            .equals => |expected| {
                const claim = (ctx.claimAs([]const u8, expected.claim) catch null) orelse return null;
                return std.mem.eql(u8, claim, expected.text);
            },
            .contains => |expected| {
                const claim = (ctx.claimAs([]const []const u8, expected.claim) catch null) orelse return null;
                for (claim) |text| if (std.mem.eql(u8, text, expected.text)) return true;
                return false;
            },
            .network => |expected| {
                const text = (ctx.attributeAs([]const u8, expected.attribute) catch null) orelse return null;
                const address = network.parseAddress(text) orelse return null;
                for (expected.in) |range| if (network.parse(range).?.contains(address)) return true;
                return false;
            },
        }
    }
};

pub fn check(ctx: *const AuthContext, settings: *const Settings) !bool {
    return try settings.condition.evaluate(ctx) orelse
        ctx.deny("an input of the policy is missing or has another type", .{});
}

/// Rejects what the schema cannot: texts that are not networks.
pub fn validate(settings: *const Settings) ?[]const u8 {
    return if (hasValidNetworks(settings.condition)) null else "a text of `in` is not a network";
}

fn hasValidNetworks(condition: Condition) bool {
    switch (condition) {
        .all, .any, .none => |conditions| for (conditions) |each| if (!hasValidNetworks(each)) return false,
        .network => |expected| for (expected.in) |range| if (network.parse(range) == null) return false,
        else => {},
    }
    return true;
}

/// The decisive answer, if a condition gives it; null, if one is missing; otherwise the opposite.
fn firstOrAll(conditions: []const Condition, ctx: *const AuthContext, decisive: bool) !?bool {
    var answer: ?bool = !decisive;
    for (conditions) |condition| {
        const each = try condition.evaluate(ctx) orelse {
            answer = null;
            continue;
        };
        if (each == decisive) return decisive;
    }
    return answer;
}

fn amount(value: ?std.json.Value) !?f64 {
    // Many languages would round a larger number. A request with one is a fault in all of them.
    const exact = 1 << 53;
    switch (value orelse return null) {
        .integer => |integer| return if (@abs(integer) <= exact) @floatFromInt(integer) else error.NumberTooLarge,
        .float => |float| return if (@abs(float) <= exact) float else error.NumberTooLarge,
        .number_string => return error.NumberTooLarge,
        else => return null,
    }
}

comptime {
    guardhouse.exportPlugin(@This(), .{ .schema = @embedFile("settings.schema.json") });
}

const Request = guardhouse.testing.Request;
const small: Condition = .{ .compare = .{ .argument = "/amount", .is = .@"<=", .number = 1000 } };

test "a condition" {
    const less: Request = try .init(.{ .arguments = "{\"amount\": 1000}" });
    defer less.deinit();
    try std.testing.expect(try check(less.ctx, &.{ .condition = small }));

    const more: Request = try .init(.{ .arguments = "{\"amount\": 1000.5}" });
    defer more.deinit();
    try std.testing.expect(!try check(more.ctx, &.{ .condition = small }));
}

test "a missing input denies, also under a negation" {
    for ([_]Condition{ small, .{ .none = &.{small} } }) |condition| {
        const request: Request = try .init(.{});
        defer request.deinit();
        const message = "an input of the policy is missing or has another type";
        try request.expectDenied(message, check(request.ctx, &.{ .condition = condition }));
    }
}

test "texts that are not networks are rejected" {
    for ([_][]const u8{ "192.0.2.0/33", "192.0.2/24", "2001:db8::/129" }) |text| {
        const settings: Settings = .{ .condition = .{ .network = .{ .attribute = "/peer/address", .in = &.{text} } } };
        try std.testing.expect(validate(&settings) != null);
    }
}
