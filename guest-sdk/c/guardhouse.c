/* Guardhouse for C: the one file to compile into a plugin. The others are part of it. */
#include "guardhouse_parts.h"

/** The words of the last denial, refusal of settings, or fault. */
gh_string gh_last_message;

/** Whether those are words for the caller. */
static bool gh_is_denial;

/** Whether the plugin has its settings. */
static bool gh_is_configured;

#include "guardhouse_arena.c"
#include "guardhouse_fault.c"
#include "guardhouse_scan.c"
#include "guardhouse_json.c"
#include "guardhouse_libc.c"
#include "guardhouse_text.c"

/* ---- Answers ---- */

gh_outcome gh_deny(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_string message = gh_format_list(format, arguments);
    va_end(arguments);
    return gh_deny_text(message);
}

gh_outcome(gh_deny_text)(gh_string message) {
    gh_last_message = message;
    gh_is_denial = true;
    return GH_DENY;
}

bool gh_invalid(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_last_message = gh_format_list(format, arguments);
    gh_is_denial = false;
    va_end(arguments);
    return false;
}

/* ---- The request ---- */

const gh_access_token *gh_token(const gh_auth_context *ctx) {
    return ctx->token.is_some ? &ctx->token.value : NULL;
}

const gh_component *gh_tool(const gh_auth_context *ctx) {
    return gh_string_equals(ctx->component.kind, "tool") ? &ctx->component : NULL;
}

/** Whether `text` is among `list`. */
static bool gh_list_holds(gh_list_string list, gh_string text) {
    for (size_t i = 0; i < list.length; i++)
        if (gh_string_equals(list.data[i], text))
            return true;
    return false;
}

bool(gh_has_scope)(const gh_access_token *token, gh_string scope) {
    return token != NULL && gh_list_holds(token->scopes, scope);
}

bool gh_has_scopes(const gh_access_token *token, gh_list_string scopes) {
    for (size_t i = 0; i < scopes.length; i++)
        if (!gh_has_scope(token, scopes.data[i]))
            return false;
    return token != NULL;
}

gh_list_string gh_missing_scopes(const gh_access_token *token, gh_list_string scopes) {
    gh_list_string missing = {NULL, 0};
    if (token == NULL || scopes.length == 0)
        return missing;
    gh_string *data = gh_alloc_strings(scopes.length);
    missing.data = data;
    for (size_t i = 0; i < scopes.length; i++)
        if (!gh_has_scope(token, scopes.data[i]) && !gh_list_holds(missing, scopes.data[i]))
            data[missing.length++] = scopes.data[i];
    return missing;
}

bool(gh_has_tag)(const gh_component *component, gh_string tag) {
    if (component == NULL)
        gh_fault_text(gh_text("gh_has_tag was asked of no component"));
    return gh_list_holds(component->tags, tag);
}

/** Asks the host for a document. One that cannot be read must not pass for something absent. */
static gh_json gh_ask(void ask(const char *, size_t, gh_option_string *), const gh_auth_context *ctx, gh_string pointer) {
#ifdef __wasm__
    (void)ctx;
#else
    gh_test_asked = ctx;
#endif
    gh_option_string document;
    ask(pointer.data, pointer.length, &document);
    if (!document.is_some)
        return (gh_json){{NULL, 0}};
    gh_json value = gh_json_view(document.value);
    if (gh_json_is_absent(value))
        gh_fault_text(gh_text("the host sent a document that cannot be parsed"));
    return value;
}

gh_json(gh_claim)(const gh_auth_context *ctx, gh_string pointer) {
    return gh_ask(gh_abi_request_claim, ctx, pointer);
}

gh_json(gh_detail)(const gh_auth_context *ctx, gh_string pointer) {
    return gh_ask(gh_abi_request_detail, ctx, pointer);
}

gh_json(gh_argument)(const gh_auth_context *ctx, gh_string pointer) {
    return gh_ask(gh_abi_request_argument, ctx, pointer);
}

gh_json(gh_attribute)(const gh_auth_context *ctx, gh_string pointer) {
    return gh_ask(gh_abi_request_attribute, ctx, pointer);
}

gh_option_string gh_raw_token(const gh_auth_context *ctx) {
#ifdef __wasm__
    (void)ctx;
#else
    gh_test_asked = ctx;
#endif
    gh_option_string secret;
    gh_abi_raw_token_get(&secret);
    return secret;
}

/* ---- The plugin ---- */

__attribute__((weak)) const bool gh_takes_settings = false;

/** What comes before a function of the plugin is asked about `ctx`. */
static void gh_begin(const gh_auth_context *ctx) {
    if (gh_takes_settings && !gh_is_configured)
        gh_fault_text(gh_text("the plugin was asked before it was configured"));
    gh_now = ctx->now;
    gh_is_denial = false;
}

/** Ends the call because of an answer that is none. Its number is written here: `printf` would cost 20 KB. */
static _Noreturn void gh_fault_answer(unsigned answer) {
    static char words[] = "the check answered neither GH_ALLOW nor GH_REFUSE nor gh_deny(…), but 4294967295";
    size_t length = sizeof words - sizeof "4294967295";
    unsigned place = 1000000000;
    while (place > 1 && answer / place == 0)
        place /= 10;
    for (; place > 0; place /= 10)
        words[length++] = (char)('0' + answer / place % 10);
    gh_fault_text((gh_string){words, length});
}

const gh_result_bool_authorization_error *gh_run_check(gh_check *check, const gh_auth_context *ctx) {
    static gh_result_bool_authorization_error result;
    gh_begin(ctx);
    gh_outcome outcome = check(ctx);
    gh_flush();
    switch (outcome) {
    case GH_ALLOW:
    case GH_REFUSE:
        result.is_err = false;
        result.value.ok = outcome == GH_ALLOW;
        return &result;
    case GH_DENY:
        if (!gh_is_denial)
            gh_fault_text(gh_text("the check answered GH_DENY, but not by gh_deny"));
        result.is_err = true;
        result.value.err.message = gh_last_message;
        return &result;
    }
    gh_fault_answer((unsigned)outcome);
}

const gh_result_void_string *gh_run_configure(gh_configure *configure, gh_string settings) {
    static gh_result_void_string result;
    gh_last_message = gh_text("the settings were refused");
    gh_json value = gh_json_view(settings);
    if (gh_json_is_absent(value))
        gh_last_message = gh_text("the settings are not JSON");
    gh_is_configured = !gh_json_is_absent(value) && configure(value);
    result.is_err = !gh_is_configured;
    result.value.err = gh_last_message;
    gh_flush();
    return &result;
}

const gh_list_string *gh_run_step_up(gh_step_up *missing_scopes, const gh_auth_context *ctx) {
    static gh_list_string result;
    gh_begin(ctx);
    result = missing_scopes(ctx);
    gh_flush();
    return &result;
}
