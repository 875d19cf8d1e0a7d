/* The types of guardhouse:auth@0.1.0, in the memory layout of the host. Generated from wit/; do not edit. */
#ifndef GUARDHOUSE_TYPES_H
#define GUARDHOUSE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Text: `length` bytes of UTF-8 at `data`. It is not terminated by a zero byte, but may contain some. */
typedef struct gh_string {
    const char *data;
    size_t length;
} gh_string;

/** An optional value: `value` is valid only if `is_some`. */
typedef struct gh_option_string {
    bool is_some;
    gh_string value;
} gh_option_string;

/** A list: `length` items at `data`. */
typedef struct gh_list_string {
    const gh_string *data;
    size_t length;
} gh_list_string;

/** An optional value: `value` is valid only if `is_some`. */
typedef struct gh_option_s64 {
    bool is_some;
    int64_t value;
} gh_option_s64;

/** A verified OAuth 2.0 access token, without the secret itself, for which see `raw-token`. */
typedef struct gh_access_token {
    /** The OAuth client that presented the token (RFC 9068 `client_id`). */
    gh_string client_id;
    /** The user for whom the token speaks (RFC 7519 `sub`); none for a client that acts for itself. */
    gh_option_string subject;
    /** The scopes granted. Scopes are equal if their code points are; they have no order and no hierarchy. */
    gh_list_string scopes;
    /**
     * Seconds since the Unix epoch; none if the token never expires. The verifier of the token checks the expiry; the
     * host does not.
     */
    gh_option_s64 expires_at;
    /** The resource that the token was issued for (RFC 8707). */
    gh_option_string resource_indicator;
} gh_access_token;

/** The thing being accessed. "Component" is the Model Context Protocol's term here, not WebAssembly's. */
typedef struct gh_component {
    /** "tool", "resource", "resource-template", "prompt", or any other kind; see `docs/request.md`. */
    gh_string kind;
    /** The name, unique within its kind. */
    gh_string name;
    /** The URI of a resource, or the URI template of a resource template. */
    gh_option_string uri;
    /** The version, if the component has one. */
    gh_option_string version;
    /** The labels that its author gave it. Labels inside `detail` are not among them. */
    gh_list_string tags;
} gh_component;

/** An optional value: `value` is valid only if `is_some`. */
typedef struct gh_option_access_token {
    bool is_some;
    gh_access_token value;
} gh_option_access_token;

/** One request. Every check of one decision gets the same. */
typedef struct gh_auth_context {
    /** The verified token; none if the caller did not authenticate. */
    gh_option_access_token token;
    /** The thing being accessed. */
    gh_component component;
    /** The operation, for example "tools/call" or "tools/list"; empty if it is unknown. See `docs/request.md`. */
    gh_string action;
    /**
     * Seconds since the Unix epoch, the same for every check of one decision. A check has no other clock: WASI clocks,
     * which some languages' runtimes import, start at this instant and do not follow real time.
     */
    int64_t now;
} gh_auth_context;

/** A denial with a message. */
typedef struct gh_authorization_error {
    /** The text for the caller, who gets it exactly as it stands: not trimmed, not escaped. */
    gh_string message;
} gh_authorization_error;

/** A log level, describing a kind of message. */
typedef enum gh_level {
    /**
     * Describes messages about the values of variables and the flow of
     * control within a program.
     */
    GH_LEVEL_TRACE,
    /**
     * Describes messages likely to be of interest to someone debugging a
     * program.
     */
    GH_LEVEL_DEBUG,
    /**
     * Describes messages likely to be of interest to someone monitoring a
     * program.
     */
    GH_LEVEL_INFO,
    /** Describes messages indicating hazardous situations. */
    GH_LEVEL_WARN,
    /** Describes messages indicating serious errors. */
    GH_LEVEL_ERROR,
    /** Describes messages indicating fatal errors. */
    GH_LEVEL_CRITICAL,
} gh_level;

#ifdef __wasm32__
_Static_assert(sizeof(gh_string) == 8, "gh_string");
_Static_assert(offsetof(gh_string, data) == 0, "gh_string.data");
_Static_assert(offsetof(gh_string, length) == 4, "gh_string.length");
_Static_assert(sizeof(gh_option_string) == 12, "gh_option_string");
_Static_assert(offsetof(gh_option_string, value) == 4, "gh_option_string.value");
_Static_assert(sizeof(gh_list_string) == 8, "gh_list_string");
_Static_assert(offsetof(gh_list_string, data) == 0, "gh_list_string.data");
_Static_assert(offsetof(gh_list_string, length) == 4, "gh_list_string.length");
_Static_assert(sizeof(gh_option_s64) == 16, "gh_option_s64");
_Static_assert(offsetof(gh_option_s64, value) == 8, "gh_option_s64.value");
_Static_assert(sizeof(gh_access_token) == 64, "gh_access_token");
_Static_assert(offsetof(gh_access_token, client_id) == 0, "gh_access_token.client_id");
_Static_assert(offsetof(gh_access_token, subject) == 8, "gh_access_token.subject");
_Static_assert(offsetof(gh_access_token, scopes) == 20, "gh_access_token.scopes");
_Static_assert(offsetof(gh_access_token, expires_at) == 32, "gh_access_token.expires_at");
_Static_assert(offsetof(gh_access_token, resource_indicator) == 48, "gh_access_token.resource_indicator");
_Static_assert(sizeof(gh_component) == 48, "gh_component");
_Static_assert(offsetof(gh_component, kind) == 0, "gh_component.kind");
_Static_assert(offsetof(gh_component, name) == 8, "gh_component.name");
_Static_assert(offsetof(gh_component, uri) == 16, "gh_component.uri");
_Static_assert(offsetof(gh_component, version) == 28, "gh_component.version");
_Static_assert(offsetof(gh_component, tags) == 40, "gh_component.tags");
_Static_assert(sizeof(gh_option_access_token) == 72, "gh_option_access_token");
_Static_assert(offsetof(gh_option_access_token, value) == 8, "gh_option_access_token.value");
_Static_assert(sizeof(gh_auth_context) == 136, "gh_auth_context");
_Static_assert(offsetof(gh_auth_context, token) == 0, "gh_auth_context.token");
_Static_assert(offsetof(gh_auth_context, component) == 72, "gh_auth_context.component");
_Static_assert(offsetof(gh_auth_context, action) == 120, "gh_auth_context.action");
_Static_assert(offsetof(gh_auth_context, now) == 128, "gh_auth_context.now");
_Static_assert(sizeof(gh_authorization_error) == 8, "gh_authorization_error");
_Static_assert(offsetof(gh_authorization_error, message) == 0, "gh_authorization_error.message");
#endif

#endif
