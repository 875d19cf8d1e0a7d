//! The types, imports and exports of guardhouse:auth@0.1.0, laid out as the host lays them out.
//! Generated from wit/; do not edit.

/// Text: `length` bytes of UTF-8 at `data`.
pub const String = extern struct {
    data: [*]const u8,
    length: usize,
};

/// A value that may be none: `value` means something only if `is_some`.
pub const OptionString = extern struct {
    is_some: bool,
    value: String,
};

/// `length` items at `data`.
pub const ListString = extern struct {
    data: [*]const String,
    length: usize,
};

/// A value that may be none: `value` means something only if `is_some`.
pub const OptionS64 = extern struct {
    is_some: bool,
    value: i64,
};

/// A verified OAuth 2.0 access token, without the secret itself, for which see `raw-token`.
pub const AccessToken = extern struct {
    /// The OAuth client that presented the token (RFC 9068 `client_id`).
    client_id: String,
    /// The user for whom the token speaks (RFC 7519 `sub`); none for a client that acts for itself.
    subject: OptionString,
    /// The scopes granted. Scopes are equal if their code points are; they have no order and no hierarchy.
    scopes: ListString,
    /// Seconds since the Unix epoch; none if the token never expires. The verifier of the token checks the expiry; the
    /// host does not.
    expires_at: OptionS64,
    /// The resource that the token was issued for (RFC 8707).
    resource_indicator: OptionString,
};

/// The thing being accessed. "Component" is the Model Context Protocol's term here, not WebAssembly's.
pub const Component = extern struct {
    /// "tool", "resource", "resource-template", "prompt", or any other kind; see `docs/request.md`.
    kind: String,
    /// The name, unique within its kind.
    name: String,
    /// The URI of a resource, or the URI template of a resource template.
    uri: OptionString,
    /// The version, if the component has one.
    version: OptionString,
    /// The labels that its author gave it. Labels inside `detail` are not among them.
    tags: ListString,
};

/// A value that may be none: `value` means something only if `is_some`.
pub const OptionAccessToken = extern struct {
    is_some: bool,
    value: AccessToken,
};

/// One request. Every check of one decision gets the same.
pub const AuthContext = extern struct {
    /// The verified token; none if the caller did not authenticate.
    token: OptionAccessToken,
    /// The thing being accessed.
    component: Component,
    /// The operation, for example "tools/call" or "tools/list"; empty if it is unknown. See `docs/request.md`.
    action: String,
    /// Seconds since the Unix epoch, the same for every check of one decision. A check has no other clock: WASI clocks,
    /// which some languages' runtimes import, start at this instant and do not follow real time.
    now: i64,
};

/// A denial with a message.
pub const AuthorizationError = extern struct {
    /// The text for the caller, who gets it exactly as it stands: not trimmed, not escaped.
    message: String,
};

/// An error if `is_err`, and a value if not.
pub const ResultBoolAuthorizationError = extern struct {
    is_err: bool,
    value: extern union {
        ok: bool,
        err: AuthorizationError,
    },
};

/// An error if `is_err`, and a value if not.
pub const ResultVoidString = extern struct {
    is_err: bool,
    value: extern union {
        err: String,
    },
};

/// A log level, describing a kind of message.
pub const Level = enum(u8) {
    /// Describes messages about the values of variables and the flow of
    /// control within a program.
    trace,
    /// Describes messages likely to be of interest to someone debugging a
    /// program.
    debug,
    /// Describes messages likely to be of interest to someone monitoring a
    /// program.
    info,
    /// Describes messages indicating hazardous situations.
    warn,
    /// Describes messages indicating serious errors.
    @"error",
    /// Describes messages indicating fatal errors.
    critical,
};

/// The names of exports.
pub const names = struct {
    pub const check_check = "guardhouse:auth/check@0.1.0#check";
    pub const check_check_post = "cabi_post_guardhouse:auth/check@0.1.0#check";
    pub const settings_schema = "guardhouse:auth/settings@0.1.0#schema";
    pub const settings_schema_post = "cabi_post_guardhouse:auth/settings@0.1.0#schema";
    pub const settings_configure = "guardhouse:auth/settings@0.1.0#configure";
    pub const settings_configure_post = "cabi_post_guardhouse:auth/settings@0.1.0#configure";
    pub const step_up_missing_scopes = "guardhouse:auth/step-up@0.1.0#missing-scopes";
    pub const step_up_missing_scopes_post = "cabi_post_guardhouse:auth/step-up@0.1.0#missing-scopes";
    pub const realloc = "cabi_realloc";
};

/// The imports from `guardhouse:auth/request@0.1.0`.
pub const request = struct {
    /// A claim of the token; none also if there is no token.
    pub extern "guardhouse:auth/request@0.1.0" fn claim(pointer: [*]const u8, pointer_length: usize, result: *OptionString) void;
    /// A member of the component's description: title, description, input schema, annotations, meta and so on.
    pub extern "guardhouse:auth/request@0.1.0" fn detail(pointer: [*]const u8, pointer_length: usize, result: *OptionString) void;
    /// An argument of the call; none also if nothing is called, as in a list.
    pub extern "guardhouse:auth/request@0.1.0" fn argument(pointer: [*]const u8, pointer_length: usize, result: *OptionString) void;
    /// An attribute: any other data from the enforcement point, such as HTTP headers, the peer's address, AuthZEN's
    /// context. `docs/request.md` defines their layout.
    pub extern "guardhouse:auth/request@0.1.0" fn attribute(pointer: [*]const u8, pointer_length: usize, result: *OptionString) void;
};

/// The imports from `guardhouse:auth/raw-token@0.1.0`.
pub const raw_token = struct {
    /// The token as it was presented; none if the caller did not authenticate, if the enforcement point did not pass the
    /// token on, and in `schema` and `configure`.
    pub extern "guardhouse:auth/raw-token@0.1.0" fn get(result: *OptionString) void;
};

/// The imports from `wasi:logging/logging@0.1.0-draft`.
pub const logging = struct {
    /// Emit a log message.
    ///
    /// A log message has a `level` describing what kind of message is being
    /// sent, a context, which is an uninterpreted string meant to help
    /// consumers group similar messages, and a string containing the message
    /// text.
    pub extern "wasi:logging/logging@0.1.0-draft" fn log(level: i32, context: [*]const u8, context_length: usize, message: [*]const u8, message_length: usize) void;
};

comptime {
    if (@sizeOf(usize) == 4) {
        if (@sizeOf(String) != 8) @compileError("String");
        if (@offsetOf(String, "data") != 0) @compileError("String.data");
        if (@offsetOf(String, "length") != 4) @compileError("String.length");
        if (@sizeOf(OptionString) != 12) @compileError("OptionString");
        if (@offsetOf(OptionString, "value") != 4) @compileError("OptionString.value");
        if (@sizeOf(ListString) != 8) @compileError("ListString");
        if (@offsetOf(ListString, "data") != 0) @compileError("ListString.data");
        if (@offsetOf(ListString, "length") != 4) @compileError("ListString.length");
        if (@sizeOf(OptionS64) != 16) @compileError("OptionS64");
        if (@offsetOf(OptionS64, "value") != 8) @compileError("OptionS64.value");
        if (@sizeOf(AccessToken) != 64) @compileError("AccessToken");
        if (@offsetOf(AccessToken, "client_id") != 0) @compileError("AccessToken.client_id");
        if (@offsetOf(AccessToken, "subject") != 8) @compileError("AccessToken.subject");
        if (@offsetOf(AccessToken, "scopes") != 20) @compileError("AccessToken.scopes");
        if (@offsetOf(AccessToken, "expires_at") != 32) @compileError("AccessToken.expires_at");
        if (@offsetOf(AccessToken, "resource_indicator") != 48) @compileError("AccessToken.resource_indicator");
        if (@sizeOf(Component) != 48) @compileError("Component");
        if (@offsetOf(Component, "kind") != 0) @compileError("Component.kind");
        if (@offsetOf(Component, "name") != 8) @compileError("Component.name");
        if (@offsetOf(Component, "uri") != 16) @compileError("Component.uri");
        if (@offsetOf(Component, "version") != 28) @compileError("Component.version");
        if (@offsetOf(Component, "tags") != 40) @compileError("Component.tags");
        if (@sizeOf(OptionAccessToken) != 72) @compileError("OptionAccessToken");
        if (@offsetOf(OptionAccessToken, "value") != 8) @compileError("OptionAccessToken.value");
        if (@sizeOf(AuthContext) != 136) @compileError("AuthContext");
        if (@offsetOf(AuthContext, "token") != 0) @compileError("AuthContext.token");
        if (@offsetOf(AuthContext, "component") != 72) @compileError("AuthContext.component");
        if (@offsetOf(AuthContext, "action") != 120) @compileError("AuthContext.action");
        if (@offsetOf(AuthContext, "now") != 128) @compileError("AuthContext.now");
        if (@sizeOf(AuthorizationError) != 8) @compileError("AuthorizationError");
        if (@offsetOf(AuthorizationError, "message") != 0) @compileError("AuthorizationError.message");
        if (@sizeOf(ResultBoolAuthorizationError) != 12) @compileError("ResultBoolAuthorizationError");
        if (@offsetOf(ResultBoolAuthorizationError, "value") != 4) @compileError("ResultBoolAuthorizationError.value");
        if (@sizeOf(ResultVoidString) != 12) @compileError("ResultVoidString");
        if (@offsetOf(ResultVoidString, "value") != 4) @compileError("ResultVoidString.value");
    }
}
