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
 * Memory that this library hands out lasts until the function that the host called has answered: nothing is freed by
 * hand. What `configure` was given or made lasts as long as the plugin. `malloc` and `free` work beside it.
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

/** What is being accessed, if it is a tool; NULL if it is not. */
const gh_component *gh_tool(const gh_auth_context *ctx);

/** Whether the token holds `scope`, compared as it is: by code point. Without a token (NULL) it does not. */
bool gh_has_scope(const gh_access_token *token, gh_string scope);
#define gh_has_scope(token, scope) gh_has_scope(token, gh_text(scope))

/** Whether the token holds each of `scopes`. A token always holds each of none; without one (NULL) nothing is held. */
bool gh_has_scopes(const gh_access_token *token, gh_list_string scopes);

/** Those of `scopes` that the token lacks, in the order given, each once. Without a token (NULL) there are none. */
gh_list_string gh_missing_scopes(const gh_access_token *token, gh_list_string scopes);

/** Whether the component carries `tag`, compared as it is: by code point. */
bool gh_has_tag(const gh_component *component, gh_string tag);
#define gh_has_tag(component, tag) gh_has_tag(component, gh_text(tag))

/*
 * The rest of the request is fetched from the host by JSON pointer (RFC 6901); "" is the whole document. What is not
 * there is absent (`GH_JSON_ABSENT`). A plugin that calls none of these does not import them and pays nothing.
 */

/** A claim of the token; absent without a token or without the claim. */
gh_json gh_claim(const gh_auth_context *ctx, gh_string pointer);
#define gh_claim(ctx, pointer) gh_claim(ctx, gh_text(pointer))

/**
 * A detail of the component: its title, description, input schema, annotations, meta and whatever else the enforcement
 * point knows of it.
 */
gh_json gh_detail(const gh_auth_context *ctx, gh_string pointer);
#define gh_detail(ctx, pointer) gh_detail(ctx, gh_text(pointer))

/** An argument of the call; absent where nothing is called, as in a list. */
gh_json gh_argument(const gh_auth_context *ctx, gh_string pointer);
#define gh_argument(ctx, pointer) gh_argument(ctx, gh_text(pointer))

/** An attribute: other data from the enforcement point. `docs/request.md` defines their layout. */
gh_json gh_attribute(const gh_auth_context *ctx, gh_string pointer);
#define gh_attribute(ctx, pointer) gh_attribute(ctx, gh_text(pointer))

/**
 * The bearer secret itself; none if the caller did not authenticate or the enforcement point did not pass it on. A
 * plugin that calls this needs the grant `raw-token` from its operator.
 */
gh_option_string gh_raw_token(const gh_auth_context *ctx);

/* ---- Settings ---- */

/**
 * Refuses settings that fit their schema and yet make no sense, with words for the operator, written as `printf` writes
 * them: `return gh_invalid("…");` in `configure`. Always false.
 */
GH_PRINTF(1, 2) GH_RESULT bool gh_invalid(const char *format, ...);

/* ---- The operator's log ---- */

/** Logs what `printf` would write. The caller never sees it. */
GH_PRINTF(2, 3) void gh_log(gh_level level, const char *format, ...);

/** Logs a text as it stands, which costs a plugin 20 KB less than `gh_log`, if it formats nothing else. */
void gh_log_text(gh_level level, gh_string message);
#define gh_log_text(level, message) gh_log_text(level, gh_text(message))

/** Logs the flow of control, step by step. */
#define gh_trace(...) gh_log(GH_LEVEL_TRACE, __VA_ARGS__)
/** Logs what helps to find a fault. */
#define gh_debug(...) gh_log(GH_LEVEL_DEBUG, __VA_ARGS__)
/** Logs what is worth knowing while all is well. */
#define gh_info(...) gh_log(GH_LEVEL_INFO, __VA_ARGS__)
/** Logs what may become a fault. */
#define gh_warn(...) gh_log(GH_LEVEL_WARN, __VA_ARGS__)
/** Logs a fault. */
#define gh_error(...) gh_log(GH_LEVEL_ERROR, __VA_ARGS__)
/** Logs a fault after which the check cannot go on. */
#define gh_critical(...) gh_log(GH_LEVEL_CRITICAL, __VA_ARGS__)

#endif
