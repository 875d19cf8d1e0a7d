/* The request. Part of guardhouse.c. */
#ifndef GUARDHOUSE_REQUEST_C
#define GUARDHOUSE_REQUEST_C

#include "guardhouse_fault.c"
#include "guardhouse_json.c"

const gh_access_token *gh_token(const gh_auth_context *ctx) {
    return ctx->token.is_some ? &ctx->token.value : NULL;
}

const gh_component *gh_tool(const gh_auth_context *ctx) {
    return gh_string_equals(ctx->component.kind, "tool") ? &ctx->component : NULL;
}

/** Whether `list` contains `text`. */
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
        gh_fault_text(gh_text("gh_has_tag: the component is NULL"));
    return gh_list_holds(component->tags, tag);
}

#ifdef __wasm__

static void gh_ask_about(const gh_auth_context *ctx) {
    (void)ctx;
}

#else

const gh_auth_context *gh_asked_context;

static void gh_ask_about(const gh_auth_context *ctx) {
    gh_asked_context = ctx;
}

#endif

/** Requests a part of a document from the host. If it cannot be parsed, it must not be taken for an absent value. */
static gh_json gh_ask(void ask(const char *, size_t, gh_option_string *), const gh_auth_context *ctx,
                      gh_string pointer) {
    gh_ask_about(ctx);
    gh_option_string document;
    ask(pointer.data, pointer.length, &document);
    if (!document.is_some)
        return (gh_json){{NULL, 0}};
    gh_json value = gh_json_view(document.value);
    if (gh_json_is_absent(value))
        gh_fault_text(gh_text("the host sent invalid JSON"));
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
    gh_ask_about(ctx);
    gh_option_string secret;
    gh_abi_raw_token_get(&secret);
    return secret;
}

#endif
