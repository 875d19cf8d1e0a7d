/* The outcomes of a check, its context, and its memory. */
#include <assert.h>
#include <stdio.h>

#include "guardhouse.h"
#include "guardhouse_testing.h"

/* The same value as GH_LARGEST_BLOCK in guardhouse_arena.c. */
#define LARGEST_BLOCK ((size_t)1024 * 1024)

static gh_outcome allow(const gh_auth_context *ctx) {
    (void)ctx;
    return GH_ALLOW;
}

static gh_outcome return_one(const gh_auth_context *ctx) {
    (void)ctx;
    return (gh_outcome)1;
}

static gh_outcome deny_without_message(const gh_auth_context *ctx) {
    (void)ctx;
    return GH_DENY_WITH_MESSAGE;
}

static gh_outcome fault(const gh_auth_context *ctx) {
    gh_fault("secret %lld", (long long)ctx->now);
}

static gh_outcome deny_with_other_message(const gh_auth_context *ctx) {
    (void)ctx;
    return gh_invalid("not for the caller") ? GH_ALLOW : GH_DENY_WITH_MESSAGE;
}

static gh_outcome has_tag_without_component(const gh_auth_context *ctx) {
    return gh_has_tag(gh_tool(ctx), "admin") ? GH_DENY : GH_ALLOW;
}

static gh_outcome compare_with_null(const gh_auth_context *ctx) {
    const char *absent = ctx->now == 0 ? NULL : "";
    return gh_string_equals(ctx->action, absent) ? GH_ALLOW : GH_DENY;
}

static gh_outcome log_at_invalid_level(const gh_auth_context *ctx) {
    gh_log_text((gh_level)(6 + ctx->now), "message");
    return GH_ALLOW;
}

static gh_outcome require_too_many_scopes(const gh_auth_context *ctx) {
    gh_list_string wanted = {NULL, SIZE_MAX / sizeof(gh_string) + 2};
    return gh_missing_scopes(gh_token(ctx), wanted).length == 0 ? GH_ALLOW : GH_DENY;
}

static gh_outcome deny_with_action(const gh_auth_context *ctx) {
    return gh_deny_text(ctx->action);
}

static void an_invalid_outcome_is_a_fault(void) {
    const gh_auth_context *ctx = gh_test_context(.now = 5);
    assert(!gh_test_faults(allow, ctx));
    assert(gh_test_faults(return_one, ctx));
    assert(gh_string_ends_with(gh_test_message(), "nor gh_deny(…), but 1"));
    assert(!gh_test_faults(deny_with_action, ctx));
    assert(gh_test_faults(deny_without_message, ctx));
    assert(gh_test_faults(deny_with_other_message, ctx));
    assert(gh_test_faults(fault, ctx));
    assert(gh_string_starts_with(gh_test_message(), "tests/check_test.c:"));
    assert(gh_string_ends_with(gh_test_message(), "secret 5"));
}

static void an_invalid_argument_is_a_fault(void) {
    assert(gh_test_faults(has_tag_without_component, gh_test_context(.kind = "prompt")));
    assert(!gh_test_faults(has_tag_without_component, gh_test_context()));
    assert(gh_test_faults(compare_with_null, gh_test_context()));
    assert(!gh_test_faults(compare_with_null, gh_test_context(.now = 1)));
    assert(gh_test_faults(log_at_invalid_level, gh_test_context()));
    assert(!gh_test_faults(log_at_invalid_level, gh_test_context(.now = -1)));
    assert(gh_test_faults(require_too_many_scopes, gh_test_context(.token = true)));
}

static void a_message_is_not_changed(void) {
    assert(gh_test_denies(deny_with_action(gh_test_context(.action = " né 🙂\n")), " né 🙂\n"));
    const gh_auth_context *ctx = gh_test_context(.action = "");
    const gh_result_bool_authorization_error *result = gh_run_check(deny_with_action, ctx);
    assert(result->is_err && result->value.err.message.length == 0);
    gh_auth_context without_data = *ctx;
    without_data.action = (gh_string){NULL, 0};
    assert(!gh_test_faults(deny_with_action, &without_data));
    assert(!gh_test_denies(GH_DENY, ""));
}

static void a_context_has_the_fields_of_its_request(void) {
    const gh_auth_context *nobody = gh_test_context(.kind = "prompt");
    assert(gh_token(nobody) == NULL && gh_tool(nobody) == NULL);
    assert(gh_string_equals(nobody->action, "prompts/get"));
    assert(gh_json_is_absent(gh_claim(nobody, "")) && gh_json_is_absent(gh_argument(nobody, "")));
    assert(gh_json_type_of(gh_detail(nobody, "")) == GH_JSON_OBJECT);

    const gh_auth_context *ctx = gh_test_context(
        .tags = GH_TEST_LIST("a", "é"), .subject = "alice", .raw_token = "secret",
        .claims = GH_TEST_JSON({"groups": ["x", "y"]}));
    assert(gh_string_equals(gh_token(ctx)->client_id, "client"));
    assert(gh_has_tag(gh_tool(ctx), "é") && !gh_has_tag(gh_tool(ctx), "É"));
    assert(gh_string_equals(gh_claim(ctx, "/groups/1").text, "\"y\""));
    assert(gh_json_is_absent(gh_claim(nobody, "")));
    assert(gh_string_equals(gh_raw_token(ctx).value, "secret") && !gh_raw_token(nobody).is_some);
}

static void missing_scopes_are_named_once_and_in_order(void) {
    const gh_string wanted[] = {gh_text("b"), gh_text("pay"), gh_text("a"), gh_text("b")};
    const gh_list_string scopes = {wanted, 4}, none = {NULL, 0};
    const gh_access_token *token = gh_token(gh_test_context(.scopes = GH_TEST_LIST("pay")));
    gh_list_string missing = gh_missing_scopes(token, scopes);
    assert(missing.length == 2);
    assert(gh_string_equals(missing.data[0], "b") && gh_string_equals(missing.data[1], "a"));
    assert(!gh_has_scopes(token, scopes) && gh_has_scopes(token, none));
    assert(!gh_has_scopes(NULL, none) && gh_missing_scopes(NULL, scopes).length == 0);
}

static void a_text_is_never_printed_beyond_its_end(void) {
    assert(gh_precision(5) == 5);
    assert(gh_precision((size_t)INT_MAX + 1) == INT_MAX && gh_precision(SIZE_MAX) == INT_MAX);
}

static void a_large_allocation_does_not_enlarge_later_blocks(void) {
    const size_t size = LARGEST_BLOCK / 2 + 1;
    gh_alloc(8 * LARGEST_BLOCK);
    char *first = gh_alloc(size);
    memset(first, 0, size);
    /* Two of them do not fit into one block, so they are not adjacent. */
    assert((char *)gh_alloc(size) - first != (ptrdiff_t)((size + 15) / 16 * 16));
    gh_release();
}

static void memory_of_a_call_is_reused(void) {
    gh_keep();
    char *first = gh_alloc(1);
    for (int call = 0; call < 10000; call++) {
        gh_release();
        assert(gh_alloc(1) == first);
        memset(gh_alloc(1 << 20), call, 1 << 20);
    }
    gh_release();
}

int main(void) {
    an_invalid_outcome_is_a_fault();
    an_invalid_argument_is_a_fault();
    a_message_is_not_changed();
    a_context_has_the_fields_of_its_request();
    missing_scopes_are_named_once_and_in_order();
    a_text_is_never_printed_beyond_its_end();
    a_large_allocation_does_not_enlarge_later_blocks();
    memory_of_a_call_is_reused();
    puts("check: all tests passed");
}
