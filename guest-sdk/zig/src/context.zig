//! One request, as a check sees it.

const std = @import("std");
const abi = @import("abi.zig");
const inBounds = @import("bounds.zig").inBounds;
const json = @import("json.zig");
const Allocator = std.mem.Allocator;
const Value = std.json.Value;
const is_plugin = @import("builtin").target.cpu.arch.isWasm();

/// A verified OAuth 2.0 access token. It does not contain the bearer secret; see `AuthContext.rawToken`.
pub const AccessToken = struct {
    /// The OAuth client that presented the token (RFC 9068 `client_id`).
    client_id: []const u8,
    /// The user that the token was issued for (RFC 7519 `sub`); null for a client acting for itself.
    subject: ?[]const u8,
    /// The scopes granted. They are compared by code point, without order or hierarchy.
    scopes: []const []const u8,
    /// Seconds since the Unix epoch; null if the token never expires. The token's verifier has checked it.
    expires_at: ?i64,
    /// The resource that the token was issued for (RFC 8707).
    resource_indicator: ?[]const u8,

    /// Whether the token holds `scope`.
    pub fn hasScope(token: AccessToken, scope: []const u8) bool {
        return holds(token.scopes, scope);
    }

    /// Whether the token holds all `scopes`; true if there are none.
    pub fn hasScopes(token: AccessToken, scopes: []const []const u8) bool {
        for (scopes) |scope| if (!token.hasScope(scope)) return false;
        return true;
    }

    /// The scopes among `scopes` that the token lacks, in the order given, without duplicates.
    pub fn missingScopes(token: AccessToken, arena: Allocator, scopes: []const []const u8) Allocator.Error![]const []const u8 {
        var missing: std.ArrayList([]const u8) = .empty;
        for (scopes) |scope| {
            if (!token.hasScope(scope) and !holds(missing.items, scope)) try missing.append(arena, scope);
        }
        return missing.items;
    }
};

/// The component being accessed, in the sense of the Model Context Protocol, not of WebAssembly.
pub const Component = struct {
    /// "tool", "resource", "resource-template", "prompt", or any other kind that a caller names.
    kind: []const u8,
    /// The name, unique within its kind.
    name: []const u8,
    /// The URI of a resource, or the URI template of a resource template.
    uri: ?[]const u8,
    /// The version, if the component has one.
    version: ?[]const u8,
    /// The labels that its author gave it.
    tags: []const []const u8,

    /// Whether the component has `tag`.
    pub fn hasTag(component: Component, tag: []const u8) bool {
        return holds(component.tags, tag);
    }
};

/// One request. It is the same for every check of one decision.
///
/// The methods that take a JSON pointer (RFC 6901) fetch a part of the request from the host; "" is the whole document.
/// A plugin that does not call them does not import them, and they cost nothing. Each exists twice: it returns a
/// `std.json.Value` or, with the suffix `As`, a type of your own. For the latter, a value of another type is an error:
/// a string is never accepted as a number.
pub const AuthContext = struct {
    /// The verified access token; null if the caller did not authenticate.
    token: ?AccessToken,
    /// The component being accessed.
    component: Component,
    /// The action on the component, for example "tools/call" or "tools/list".
    action: []const u8,
    /// Seconds since the Unix epoch, the same for every check of one decision. It is the only clock.
    now: i64,
    /// Memory that lasts until the call returns. It need not be freed.
    arena: Allocator,
    /// The message of a denial.
    denial: *?[]const u8,
    /// The documents that replace the host in a unit test.
    documents: if (is_plugin) void else *const Documents,

    /// Denies with a message for the caller: `return ctx.deny("…", .{});`.
    pub fn deny(ctx: *const AuthContext, comptime format: []const u8, args: anytype) error{AuthorizationError} {
        ctx.denial.* = std.fmt.allocPrint(ctx.arena, format, args) catch @panic("out of memory");
        return error.AuthorizationError;
    }

    /// The component being accessed, if it is a tool.
    pub fn tool(ctx: *const AuthContext) ?Component {
        return if (std.mem.eql(u8, ctx.component.kind, "tool")) ctx.component else null;
    }

    /// A claim of the token; null without a token or without the claim.
    pub fn claim(ctx: *const AuthContext, pointer: []const u8) ?Value {
        return parse(ctx, ctx.ask("claim", pointer));
    }

    /// A claim of the token, as a `T`.
    pub fn claimAs(ctx: *const AuthContext, comptime T: type, pointer: []const u8) !?T {
        return parseAs(T, ctx, ctx.ask("claim", pointer));
    }

    /// A detail of the component: its title, description, input schema, annotations, meta and anything else that the
    /// enforcement point knows of it.
    pub fn detail(ctx: *const AuthContext, pointer: []const u8) ?Value {
        return parse(ctx, ctx.ask("detail", pointer));
    }

    /// A detail of the component, as a `T`.
    pub fn detailAs(ctx: *const AuthContext, comptime T: type, pointer: []const u8) !?T {
        return parseAs(T, ctx, ctx.ask("detail", pointer));
    }

    /// An argument of the call; null if the action is not a call, for example a list.
    pub fn argument(ctx: *const AuthContext, pointer: []const u8) ?Value {
        return parse(ctx, ctx.ask("argument", pointer));
    }

    /// An argument of the call, as a `T`.
    pub fn argumentAs(ctx: *const AuthContext, comptime T: type, pointer: []const u8) !?T {
        return parseAs(T, ctx, ctx.ask("argument", pointer));
    }

    /// An attribute of the request that the enforcement point sent: a header, the peer address, AuthZEN context.
    pub fn attribute(ctx: *const AuthContext, pointer: []const u8) ?Value {
        return parse(ctx, ctx.ask("attribute", pointer));
    }

    /// An attribute of the request, as a `T`.
    pub fn attributeAs(ctx: *const AuthContext, comptime T: type, pointer: []const u8) !?T {
        return parseAs(T, ctx, ctx.ask("attribute", pointer));
    }

    /// The bearer secret; null if the caller did not authenticate or the enforcement point did not pass it on. A check
    /// of a plugin that calls this function needs the grant `raw-token`.
    pub fn rawToken(ctx: *const AuthContext) ?[]const u8 {
        if (!is_plugin) return ctx.documents.raw_token;
        var secret: abi.OptionString = undefined;
        abi.raw_token.get(&secret);
        return optional(secret);
    }

    fn ask(ctx: *const AuthContext, comptime function: []const u8, pointer: []const u8) ?[]const u8 {
        if (!is_plugin) return ctx.documents.ask(ctx.arena, @field(ctx.documents, function), pointer);
        var document: abi.OptionString = undefined;
        @field(abi.request, function)(inBounds(u8, pointer), pointer.len, &document);
        return optional(document);
    }
};

/// The documents of a request in a unit test, as JSON text.
pub const Documents = struct {
    claim: ?[]const u8 = null,
    detail: ?[]const u8 = null,
    argument: ?[]const u8 = null,
    attribute: ?[]const u8 = null,
    raw_token: ?[]const u8 = null,

    fn ask(_: Documents, arena: Allocator, document: ?[]const u8, pointer: []const u8) ?[]const u8 {
        if (!json.isPointer(pointer)) {
            std.debug.panic("`{s}` is not a JSON pointer: it must begin with `/`, with 0 or 1 after each `~`", .{pointer});
        }
        const text = document orelse return null;
        const value = std.json.parseFromSliceLeaky(Value, arena, text, .{}) catch @panic("a document of the test is not JSON");
        const found = json.find(arena, value, pointer) catch @panic("out of memory");
        return std.json.Stringify.valueAlloc(arena, found orelse return null, .{}) catch @panic("out of memory");
    }
};

/// The context that the host passed to an export.
pub fn fromHost(record: *const abi.AuthContext, arena: Allocator, denial: *?[]const u8) Allocator.Error!AuthContext {
    const token = record.token.value;
    const component = record.component;
    return .{
        .token = if (!record.token.is_some) null else .{
            .client_id = string(token.client_id),
            .subject = optional(token.subject),
            .scopes = try strings(arena, token.scopes),
            .expires_at = if (token.expires_at.is_some) token.expires_at.value else null,
            .resource_indicator = optional(token.resource_indicator),
        },
        .component = .{
            .kind = string(component.kind),
            .name = string(component.name),
            .uri = optional(component.uri),
            .version = optional(component.version),
            .tags = try strings(arena, component.tags),
        },
        .action = string(record.action),
        .now = record.now,
        .arena = arena,
        .denial = denial,
        .documents = if (is_plugin) {} else &.{},
    };
}

fn string(text: abi.String) []const u8 {
    return text.data[0..text.length];
}

fn optional(text: abi.OptionString) ?[]const u8 {
    return if (text.is_some) string(text.value) else null;
}

fn strings(arena: Allocator, list: abi.ListString) Allocator.Error![]const []const u8 {
    const slices = try arena.alloc([]const u8, list.length);
    for (slices, list.data) |*slice, text| slice.* = string(text);
    return slices;
}

fn holds(list: []const []const u8, wanted: []const u8) bool {
    for (list) |text| if (std.mem.eql(u8, text, wanted)) return true;
    return false;
}

/// Parses a document. Invalid JSON panics, so that it is not treated as an absent document.
fn parse(ctx: *const AuthContext, text: ?[]const u8) ?Value {
    return parseAs(Value, ctx, text) catch @panic("the host sent a document that cannot be parsed");
}

fn parseAs(comptime T: type, ctx: *const AuthContext, text: ?[]const u8) !?T {
    return try json.read(T, ctx.arena, text orelse return null, .{ .ignore_unknown_fields = true });
}
