//! Guardhouse: write authorization checks in Zig.
//!
//! Read `AuthContext` first, then `exportPlugin`. `testing` builds contexts for unit tests, which run natively.

const context = @import("context.zig");
const fault = @import("fault.zig");

pub const AccessToken = context.AccessToken;
pub const AuthContext = context.AuthContext;
pub const Component = context.Component;
pub const number = @import("json.zig").number;
pub const log = @import("log.zig");
pub const testing = @import("testing.zig");
pub const exportPlugin = @import("plugin.zig").exportPlugin;

/// The panic handler, which logs the message and ends the call. A plugin declares
/// `pub const panic = guardhouse.panic;`.
pub const panic = fault.panic;

/// Options that send `std.log` to the operator's log. A plugin declares
/// `pub const std_options = guardhouse.std_options;`.
pub const std_options: @import("std").Options = .{ .logFn = log.logFn };

test {
    _ = context;
    _ = @import("json.zig");
    _ = @import("plugin.zig");
    _ = log;
    _ = testing;
}
