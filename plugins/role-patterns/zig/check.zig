//! Allows the components and actions that match a pattern of one of the caller's roles.

const std = @import("std");
const guardhouse = @import("guardhouse");
const AuthContext = guardhouse.AuthContext;

pub const panic = guardhouse.panic;
pub const std_options = guardhouse.std_options;

/// The settings, as settings.schema.json describes them.
pub const Settings = struct {
    claim: []const u8,
    roles: std.json.ArrayHashMap(Role),

    const Role = struct {
        allow: []const Rule = &.{},
        deny: []const Rule = &.{},
    };

    const Rule = struct {
        component: []const u8,
        action: []const u8 = "**",

        fn matches(rule: Rule, ctx: *const AuthContext) !bool {
            const kind, const name = std.mem.cutScalar(u8, rule.component, ':') orelse return false;
            return try patternMatches(ctx.arena, kind, ctx.component.kind) and
                try patternMatches(ctx.arena, name, ctx.component.name) and
                try patternMatches(ctx.arena, rule.action, ctx.action);
        }
    };
};

pub fn check(ctx: *const AuthContext, settings: *const Settings) !bool {
    // A claim of another type is like none.
    const names = (ctx.claimAs([]const []const u8, settings.claim) catch null) orelse return false;
    const component = ctx.component;
    // `reports/**` must not match `reports/../salaries`.
    var segments = std.mem.splitScalar(u8, component.name, '/');
    while (segments.next()) |segment| {
        if (std.mem.eql(u8, segment, ".") or std.mem.eql(u8, segment, "..")) return false;
    }
    var allowed = false;
    for (names) |name| {
        const role = settings.roles.map.get(name) orelse continue;
        if (try anyMatches(role.deny, ctx)) {
            return ctx.deny("role `{s}` must not use `{s}:{s}`", .{ name, component.kind, component.name });
        }
        allowed = allowed or try anyMatches(role.allow, ctx);
    }
    return allowed;
}

fn anyMatches(rules: []const Settings.Rule, ctx: *const AuthContext) !bool {
    for (rules) |rule| if (try rule.matches(ctx)) return true;
    return false;
}

/// Whether a pattern, which may have alternatives, matches the whole text.
fn patternMatches(arena: std.mem.Allocator, pattern: []const u8, text: []const u8) !bool {
    const open = std.mem.indexOfScalar(u8, pattern, '{') orelse return globMatches(pattern, text);
    const close = std.mem.indexOfScalar(u8, pattern, '}') orelse return false;
    var alternatives = std.mem.splitScalar(u8, pattern[open + 1 .. close], ',');
    while (alternatives.next()) |alternative| {
        const glob = try std.mem.concat(arena, u8, &.{ pattern[0..open], alternative, pattern[close + 1 ..] });
        if (globMatches(glob, text)) return true;
    }
    return false;
}

/// Whether a pattern without alternatives matches. More stars do not make it slower.
fn globMatches(glob: []const u8, text: []const u8) bool {
    // Where the last `*` and the last `**` end in the pattern, and in the text so far.
    const Mark = struct { at: usize, done: usize };
    var star: ?Mark = null;
    var stars: ?Mark = null;
    var now: Mark = .{ .at = 0, .done = 0 };
    while (true) {
        const rest = glob[now.at..];
        if (std.mem.startsWith(u8, rest, "**")) {
            now.at += 2;
            stars = now;
            star = null;
        } else if (std.mem.startsWith(u8, rest, "*")) {
            now.at += 1;
            star = now;
        } else if (rest.len > 0 and now.done < text.len and rest[0] == '?' and text[now.done] != '/') {
            now.at += 1;
            now.done += width(text[now.done]);
        } else if (rest.len > 0 and now.done < text.len and rest[0] == text[now.done]) {
            now.at += 1;
            now.done += 1;
        } else if (rest.len == 0 and now.done == text.len) {
            return true;
        } else if (star != null and star.?.done < text.len and text[star.?.done] != '/') {
            star.?.done += width(text[star.?.done]);
            now = star.?;
        } else if (stars != null and stars.?.done < text.len) {
            stars.?.done += width(text[stars.?.done]);
            now = stars.?;
            star = null;
        } else {
            return false;
        }
    }
}

/// The length of a character in UTF-8, by its first byte.
fn width(byte: u8) usize {
    return std.unicode.utf8ByteSequenceLength(byte) catch unreachable;
}

comptime {
    guardhouse.exportPlugin(@This(), .{ .schema = @embedFile("settings.schema.json") });
}

fn decide(name: []const u8, claims: []const u8) !void {
    const settings = try guardhouse.testing.settings(Settings,
        \\{"claim": "/roles", "roles": {"teller":
        \\  {"allow": [{"component": "tool:{read,list}-*"}], "deny": [{"component": "*:**secret**"}]}}}
    );
    defer settings.deinit();
    const request: guardhouse.testing.Request = try .init(.{ .name = name, .claims = claims });
    defer request.deinit();
    const answer = check(request.ctx, &settings.value);
    if (std.mem.eql(u8, name, "read-secrets")) {
        try request.expectDenied("role `teller` must not use `tool:read-secrets`", answer);
    } else {
        try std.testing.expectEqual(std.mem.indexOf(u8, claims, "teller") != null, try answer);
    }
}

test "a pattern of a role allows" {
    try decide("list-orders", "{\"roles\": [\"teller\"]}");
    try decide("list-orders", "{\"roles\": [\"guest\"]}");
}

test "a denial wins" {
    try decide("read-secrets", "{\"roles\": [\"teller\"]}");
}

test "patterns" {
    try std.testing.expect(!globMatches("*", "a/b"));
    try std.testing.expect(globMatches("**", "a/b"));
    try std.testing.expect(globMatches("b*?", "bcd"));
}
