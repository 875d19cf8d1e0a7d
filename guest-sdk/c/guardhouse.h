/**
 * Guardhouse: write an authorization check in C.
 *
 *     #include "guardhouse.h"
 *
 *     static gh_outcome check(const gh_auth_context *ctx) {
 *         const gh_access_token *token = gh_token(ctx);
 *         if (token == NULL)
 *             return GH_DENY;
 *         if (gh_string_equals(token->client_id, "mallory"))
 *             return gh_deny("client `%.*s` is suspended", GH_ARG(token->client_id));
 *         return gh_has_scope(token, "pay") ? GH_ALLOW : GH_DENY;
 *     }
 *
 *     GH_EXPORT_CHECK(check);
 *
 * Read `gh_outcome` (guardhouse_answer.h), `gh_auth_context` (guardhouse_types.h) and `gh_json` (guardhouse_json.h)
 * first. Compile guardhouse.c into the plugin; it is the only source file. Unit tests include guardhouse_testing.h.
 *
 * The headers include each other in one direction: guardhouse_types.h; guardhouse_abi.h and guardhouse_text.h;
 * guardhouse_answer.h and guardhouse_json.h; guardhouse_export.h; this one; guardhouse_testing.h.
 *
 * Memory from this library lasts until the function that the host called returns, and need not be freed. Memory that
 * is given to `configure`, or allocated in it, lasts as long as the instance. `malloc` and `free` also work.
 */
#ifndef GUARDHOUSE_H
#define GUARDHOUSE_H

#include <string.h>

#include "guardhouse_answer.h"
#include "guardhouse_export.h"
#include "guardhouse_json.h"
#include "guardhouse_text.h"
#include "guardhouse_types.h"

/* ---- The request ---- */

/** The verified access token; NULL if the caller did not authenticate. */
const gh_access_token *gh_token(const gh_auth_context *ctx);

/** The component being accessed, if it is a tool; otherwise NULL. */
const gh_component *gh_tool(const gh_auth_context *ctx);

/** Whether the token holds `scope`, compared by code point; false without a token (NULL). */
bool gh_has_scope(const gh_access_token *token, gh_string scope);
#define gh_has_scope(token, scope) gh_has_scope(token, gh_text(scope))

/** Whether the token holds all `scopes`; true if the list is empty, and false without a token (NULL). */
bool gh_has_scopes(const gh_access_token *token, gh_list_string scopes);

/** The scopes among `scopes` that the token lacks, in the order given, each once; none without a token (NULL). */
gh_list_string gh_missing_scopes(const gh_access_token *token, gh_list_string scopes);

/** Whether the component has `tag`, compared by code point. A component that is NULL is a fault. */
bool gh_has_tag(const gh_component *component, gh_string tag);
#define gh_has_tag(component, tag) gh_has_tag(component, gh_text(tag))

/*
 * These functions fetch the rest of the request from the host by JSON pointer (RFC 6901); "" is the whole document. A
 * value that does not exist is absent (`GH_JSON_ABSENT`). A plugin imports only the functions that it calls; the others
 * cost nothing.
 */

/** A claim of the token; absent without a token or without the claim. */
gh_json gh_claim(const gh_auth_context *ctx, gh_string pointer);
#define gh_claim(ctx, pointer) gh_claim(ctx, gh_text(pointer))

/**
 * A detail of the component: its title, description, input schema, annotations, meta and anything else that the
 * enforcement point knows of it.
 */
gh_json gh_detail(const gh_auth_context *ctx, gh_string pointer);
#define gh_detail(ctx, pointer) gh_detail(ctx, gh_text(pointer))

/** An argument of the call; absent if the action is not a call, for example a list. */
gh_json gh_argument(const gh_auth_context *ctx, gh_string pointer);
#define gh_argument(ctx, pointer) gh_argument(ctx, gh_text(pointer))

/** An attribute: other data from the enforcement point. `docs/request.md` defines their layout. */
gh_json gh_attribute(const gh_auth_context *ctx, gh_string pointer);
#define gh_attribute(ctx, pointer) gh_attribute(ctx, gh_text(pointer))

/**
 * The bearer secret; none if the caller did not authenticate or the enforcement point did not pass the secret. A plugin
 * that calls this function needs the grant `raw-token` from its operator.
 */
gh_option_string gh_raw_token(const gh_auth_context *ctx);

/* ---- Settings ---- */

/**
 * Rejects settings that are valid under their schema but wrong, with a message for the operator, formatted as by
 * `printf`: `return gh_invalid("…");` in `configure`. It always returns false.
 */
GH_PRINTF(1, 2) GH_RESULT bool gh_invalid(const char *format, ...);

/* ---- The operator's log ---- */

/** Logs a message, formatted as by `printf`, for the operator. The caller never sees it. */
GH_PRINTF(2, 3) void gh_log(gh_level level, const char *format, ...);

/** Logs a message without formatting. A plugin that never formats text is 20 KB smaller. */
void gh_log_text(gh_level level, gh_string message);
#define gh_log_text(level, message) gh_log_text(level, gh_text(message))

/** Logs a step of the control flow. */
#define gh_trace(...) gh_log(GH_LEVEL_TRACE, __VA_ARGS__)
/** Logs a detail that helps to find errors. */
#define gh_debug(...) gh_log(GH_LEVEL_DEBUG, __VA_ARGS__)
/** Logs a normal event. */
#define gh_info(...) gh_log(GH_LEVEL_INFO, __VA_ARGS__)
/** Logs a condition that may lead to an error. */
#define gh_warn(...) gh_log(GH_LEVEL_WARN, __VA_ARGS__)
/** Logs an error. */
#define gh_error(...) gh_log(GH_LEVEL_ERROR, __VA_ARGS__)
/** Logs an error after which the check cannot continue. */
#define gh_critical(...) gh_log(GH_LEVEL_CRITICAL, __VA_ARGS__)

#endif
