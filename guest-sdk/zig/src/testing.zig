//! Contexts for a plugin's unit tests. They run natively, without a host.
//!
//! ```zig
//! const request: guardhouse.testing.Request = try .init(.{ .scopes = &.{"pay"}, .arguments = "{\"amount\": 250}" });
//! defer request.deinit();
//! try std.testing.expect(try check(request.ctx, &settings));
//! ```

const std = @import("std");
const context = @import("context.zig");
const json = @import("json.zig");

/// The properties of a request. By default a property is absent, unless its comment names another default.
pub const Options = struct {
    kind: []const u8 = "tool",
    name: []const u8 = "component",
    uri: ?[]const u8 = null,
    version: ?[]const u8 = null,
    tags: []const []const u8 = &.{},
    /// Default: the usual action on a component of its kind.
    action: ?[]const u8 = null,
    now: i64 = 0,

    /// Whether there is a token. There also is one if any of the following fields, up to the secret, is set.
    token: bool = false,
    /// Default: `client`.
    client_id: ?[]const u8 = null,
    subject: ?[]const u8 = null,
    scopes: ?[]const []const u8 = null,
    expires_at: ?i64 = null,
    resource_indicator: ?[]const u8 = null,
    /// All claims of the token, as a JSON object. Default: `{}`.
    claims: ?[]const u8 = null,
    /// The bearer secret.
    raw_token: ?[]const u8 = null,

    /// All arguments of the call, as a JSON object.
    arguments: ?[]const u8 = null,
    /// All details of the component, as a JSON object.
    details: []const u8 = "{}",
    /// All attributes of the request, as a JSON object.
    attributes: []const u8 = "{}",
};

/// One request of a unit test.
pub const Request = struct {
    /// The context to pass to a check.
    ctx: *const context.AuthContext,
    arena: *std.heap.ArenaAllocator,

    /// A request with the properties of `options`.
    pub fn init(options: Options) !Request {
        const arena = try std.testing.allocator.create(std.heap.ArenaAllocator);
        arena.* = .init(std.testing.allocator);
        const allocator = arena.allocator();

        const is_authenticated = options.token or options.client_id != null or options.subject != null or
            options.scopes != null or options.expires_at != null or options.resource_indicator != null or
            options.claims != null or options.raw_token != null;
        const denial = try allocator.create(?[]const u8);
        denial.* = null;
        const documents = try allocator.create(context.Documents);
        documents.* = .{
            .claim = if (is_authenticated) options.claims orelse "{}" else null,
            .detail = options.details,
            .argument = options.arguments,
            .attribute = options.attributes,
            .raw_token = options.raw_token,
        };
        const ctx = try allocator.create(context.AuthContext);
        ctx.* = .{
            .token = if (!is_authenticated) null else .{
                .client_id = options.client_id orelse "client",
                .subject = options.subject,
                .scopes = options.scopes orelse &.{},
                .expires_at = options.expires_at,
                .resource_indicator = options.resource_indicator,
            },
            .component = .{
                .kind = options.kind,
                .name = options.name,
                .uri = options.uri,
                .version = options.version,
                .tags = options.tags,
            },
            .action = options.action orelse usualAction(options.kind),
            .now = options.now,
            .arena = allocator,
            .denial = denial,
            .documents = documents,
        };
        return .{ .ctx = ctx, .arena = arena };
    }

    /// Frees the context and everything that was allocated in its arena.
    pub fn deinit(request: Request) void {
        request.arena.deinit();
        std.testing.allocator.destroy(request.arena);
    }

    /// Fails the test unless `answer` is a denial of this request with this message.
    pub fn expectDenied(request: Request, message: []const u8, answer: anyerror!bool) !void {
        try std.testing.expectError(error.AuthorizationError, answer);
        try std.testing.expectEqualStrings(message, request.ctx.denial.* orelse return error.NotByDeny);
    }
};

/// Settings as the host would pass them. They last until `deinit` of the returned value.
pub fn settings(comptime Settings: type, document: []const u8) !std.json.Parsed(Settings) {
    const arena = try std.testing.allocator.create(std.heap.ArenaAllocator);
    arena.* = .init(std.testing.allocator);
    errdefer {
        arena.deinit();
        std.testing.allocator.destroy(arena);
    }
    return .{ .arena = arena, .value = try json.read(Settings, arena.allocator(), document, .{}) };
}

fn usualAction(kind: []const u8) []const u8 {
    const usual = .{
        .{ "tool", "tools/call" },
        .{ "resource", "resources/read" },
        .{ "resource-template", "resources/read" },
        .{ "prompt", "prompts/get" },
    };
    inline for (usual) |pair| if (std.mem.eql(u8, kind, pair[0])) return pair[1];
    return "";
}

test "JSON pointers find values in documents" {
    const request: Request = try .init(.{
        .claims = "{\"a/b\": {\"m~n\": [1, 2, 3]}}",
        .arguments = "{\"größe\": 5}",
    });
    defer request.deinit();
    const ctx = request.ctx;
    try std.testing.expectEqual(3, ctx.claim("/a~1b/m~0n/2").?.integer);
    try std.testing.expectEqual(5, try ctx.argumentAs(u8, "/größe"));
    for ([_][]const u8{ "/a~1b/m~0n/3", "/a~1b/m~0n/02", "/a~1b/m~0n/0_2", "/a~1b/m~0n/-", "/none", "/" }) |pointer| {
        try std.testing.expectEqual(null, ctx.claim(pointer));
    }
    try std.testing.expect(ctx.detail("").?.object.count() == 0);
    try std.testing.expectEqual(null, ctx.attribute("/headers"));
}

test "a string is not a number" {
    const request: Request = try .init(.{ .arguments = "{\"amount\": \"nan\"}" });
    defer request.deinit();
    try std.testing.expectError(error.UnexpectedToken, request.ctx.argumentAs(f64, "/amount"));
    try std.testing.expectError(error.UnexpectedToken, settings(struct { max: f64 }, "{\"max\": \"inf\"}"));
}

test "without a token there are no claims" {
    const request: Request = try .init(.{});
    defer request.deinit();
    try std.testing.expectEqual(null, request.ctx.claim(""));
    try std.testing.expectEqual(null, request.ctx.argument(""));
    try std.testing.expectEqual(null, request.ctx.rawToken());
    try std.testing.expectEqualStrings("tools/call", request.ctx.action);
    try std.testing.expect(request.ctx.tool() != null);
}

test "missing scopes are named once, in order" {
    const request: Request = try .init(.{ .scopes = &.{"pay"}, .tags = &.{"é"} });
    defer request.deinit();
    const missing = try request.ctx.token.?.missingScopes(request.ctx.arena, &.{ "b", "pay", "a", "b" });
    try std.testing.expectEqual(2, missing.len);
    try std.testing.expectEqualStrings("b", missing[0]);
    try std.testing.expectEqualStrings("a", missing[1]);
    try std.testing.expect(request.ctx.component.hasTag("é"));
}

test "a denial keeps its message" {
    const request: Request = try .init(.{});
    defer request.deinit();
    try request.expectDenied("né 🙂 5", request.ctx.deny("né 🙂 {d}", .{5}));
}
