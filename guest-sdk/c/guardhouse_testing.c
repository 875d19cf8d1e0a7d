/* Replaces the host in a unit test. */
#include "guardhouse_testing.h"

#include "guardhouse_native.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

/** A context, and the request with its documents. */
typedef struct gh_test_host {
    gh_auth_context ctx;
    gh_test_request request;
} gh_test_host;

/** The jump target of `gh_test_faults`; NULL while it does not run. */
static jmp_buf *gh_test_waiting;

/* ---- Contexts ---- */

static gh_string gh_test_text(const char *text, const char *unless) {
    return gh_text(text != NULL ? text : unless);
}

static gh_option_string gh_test_option(const char *text) {
    return text != NULL ? (gh_option_string){true, gh_text(text)} : (gh_option_string){false, {NULL, 0}};
}

static gh_list_string gh_test_list(const char *const *texts) {
    gh_list_string list = {NULL, 0};
    while (texts != NULL && texts[list.length] != NULL)
        list.length++;
    gh_string *data = gh_alloc(list.length * sizeof *data);
    for (size_t i = 0; i < list.length; i++)
        data[i] = gh_text(texts[i]);
    list.data = data;
    return list;
}

/** The usual action on a component of this kind. */
static const char *gh_test_action(gh_string kind) {
    if (gh_string_equals(kind, "tool"))
        return "tools/call";
    if (gh_string_equals(kind, "resource") || gh_string_equals(kind, "resource-template"))
        return "resources/read";
    return gh_string_equals(kind, "prompt") ? "prompts/get" : "";
}

const gh_auth_context *gh_test_context_of(const gh_test_request *request) {
    gh_test_host *host = gh_alloc(sizeof *host);
    *host = (gh_test_host){.request = *request};
    gh_auth_context *ctx = &host->ctx;
    ctx->component.kind = gh_test_text(request->kind, "tool");
    ctx->component.name = gh_test_text(request->name, "component");
    ctx->component.uri = gh_test_option(request->uri);
    ctx->component.version = gh_test_option(request->version);
    ctx->component.tags = gh_test_list(request->tags);
    ctx->action = gh_test_text(request->action, gh_test_action(ctx->component.kind));
    ctx->now = request->now;
    ctx->token.is_some = request->token || request->client_id != NULL || request->subject != NULL ||
                         request->scopes != NULL || request->expires_at.is_some ||
                         request->resource_indicator != NULL || request->claims != NULL || request->raw_token != NULL;
    ctx->token.value.client_id = gh_test_text(request->client_id, "client");
    ctx->token.value.subject = gh_test_option(request->subject);
    ctx->token.value.scopes = gh_test_list(request->scopes);
    ctx->token.value.expires_at = request->expires_at;
    ctx->token.value.resource_indicator = gh_test_option(request->resource_indicator);
    return ctx;
}

/* ---- Assertions ---- */

gh_string gh_test_message(void) {
    return gh_last_message;
}

bool(gh_test_denies)(gh_outcome outcome, gh_string message) {
    return outcome == GH_DENY_WITH_MESSAGE && gh_string_equals(gh_last_message, message);
}

bool(gh_test_configure)(gh_configure *configure, gh_string settings) {
    const gh_result_void_string *result = gh_run_configure(configure, settings);
    gh_keep();
    return !result->is_err;
}

bool gh_test_faults(gh_check *check, const gh_auth_context *ctx) {
    jmp_buf here;
    bool is_fault = true;
    gh_test_waiting = &here;
    if (setjmp(here) == 0) {
        gh_run_check(check, ctx);
        is_fault = false;
    }
    gh_test_waiting = NULL;
    return is_fault;
}

void gh_native_trap(void) {
    if (gh_test_waiting != NULL)
        longjmp(*gh_test_waiting, 1);
    abort();
}

/* ---- The host's functions ---- */

/** Whether a text is a JSON pointer (RFC 6901 section 3). */
static bool gh_test_is_pointer(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        bool is_escape = i + 1 < length && (text[i + 1] == '0' || text[i + 1] == '1');
        if (text[i] == '~' && !is_escape)
            return false;
    }
    return length == 0 || text[0] == '/';
}

/** The value at a JSON pointer in a document. */
static gh_option_string gh_test_answer(const char *document, const char *pointer, size_t pointer_length) {
    if (!gh_test_is_pointer(pointer, pointer_length)) {
        fprintf(stderr, "`%.*s` is not a JSON pointer (RFC 6901)\n", (int)pointer_length, pointer);
        abort();
    }
    gh_json value = document != NULL ? gh_json_parse(document) : (gh_json){{NULL, 0}};
    if (document != NULL && gh_json_is_absent(value)) {
        fprintf(stderr, "a document of the test is not valid JSON: %s\n", document);
        abort();
    }
    value = gh_json_get(value, ((gh_string){pointer, pointer_length}));
    return (gh_option_string){!gh_json_is_absent(value), value.text};
}

static const gh_test_request *gh_test_asked_request(void) {
    return &((const gh_test_host *)gh_asked_context)->request;
}

void gh_abi_request_claim(const char *pointer, size_t pointer_length, gh_option_string *result) {
    const char *claims = gh_test_asked_request()->claims;
    const char *document = gh_asked_context->token.is_some && claims == NULL ? "{}" : claims;
    *result = gh_test_answer(document, pointer, pointer_length);
}

void gh_abi_request_detail(const char *pointer, size_t pointer_length, gh_option_string *result) {
    const char *details = gh_test_asked_request()->details;
    *result = gh_test_answer(details != NULL ? details : "{}", pointer, pointer_length);
}

void gh_abi_request_argument(const char *pointer, size_t pointer_length, gh_option_string *result) {
    *result = gh_test_answer(gh_test_asked_request()->arguments, pointer, pointer_length);
}

void gh_abi_request_attribute(const char *pointer, size_t pointer_length, gh_option_string *result) {
    const char *attributes = gh_test_asked_request()->attributes;
    *result = gh_test_answer(attributes != NULL ? attributes : "{}", pointer, pointer_length);
}

void gh_abi_raw_token_get(gh_option_string *result) {
    *result = gh_test_option(gh_test_asked_request()->raw_token);
}

void gh_abi_logging_log(int32_t level, const char *context, size_t context_length, const char *message,
                        size_t message_length) {
    static const char *const levels[] = {"trace", "debug", "info", "warn", "error", "critical"};
    if ((uint32_t)level > GH_LEVEL_CRITICAL)
        gh_native_trap(); /* as the host does */
    fprintf(stderr, "%s %.*s: %.*s\n", levels[level], gh_precision(context_length), context,
            gh_precision(message_length), message);
}
