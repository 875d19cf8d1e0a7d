/* What a check may answer, what it is told, and what becomes of memory. */
#include <assert.h>
#include <stdio.h>

#include "guardhouse.h"
#include "guardhouse_testing.h"

static gh_outcome allow(const gh_auth_context *ctx) {
    (void)ctx;
    return GH_ALLOW;
}

static gh_outcome truth(const gh_auth_context *ctx) {
    (void)ctx;
    return (gh_outcome)1;
}

static gh_outcome deny_alone(const gh_auth_context *ctx) {
    (void)ctx;
    return GH_DENY;
}

static gh_outcome fault(const gh_auth_context *ctx) {
    gh_fault("secret %lld", (long long)ctx->now);
}

static gh_outcome deny_exactly(const gh_auth_context *ctx) {
    return gh_deny_text(ctx->action);
}

static void only_an_outcome_is_an_answer(void) {
    const gh_auth_context *ctx = gh_test_context(.now = 5);
    assert(!gh_test_faults(allow, ctx));
    assert(gh_test_faults(truth, ctx));
    assert(gh_test_faults(deny_alone, ctx));
    assert(gh_test_faults(fault, ctx));
    assert(gh_string_starts_with(gh_test_message(), "tests/check_test.c:"));
    assert(gh_string_ends_with(gh_test_message(), "secret 5"));
}

static void a_message_is_left_as_it_is(void) {
    assert(gh_test_denies(deny_exactly(gh_test_context(.action = " né 🙂\n")), " né 🙂\n"));
    assert(!gh_test_denies(GH_REFUSE, ""));
}

static void a_context_says_what_it_is_told(void) {
    const gh_auth_context *nobody = gh_test_context(.kind = "prompt");
    assert(gh_token(nobody) == NULL && gh_tool(nobody) == NULL);
    assert(gh_string_equals(nobody->action, "prompts/get"));
    assert(gh_json_is_absent(gh_claim(nobody, "")) && gh_json_is_absent(gh_argument(nobody, "")));
    assert(gh_json_type_of(gh_detail(nobody, "")) == GH_JSON_OBJECT);

    const gh_auth_context *ctx = gh_test_context(
        .tags = GH_TEST_LIST("a", "é"), .subject = "alice", .raw_token = "secret", .claims = GH_TEST_JSON({"groups": ["x", "y"]}));
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

static void memory_of_a_call_is_used_again(void) {
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
    only_an_outcome_is_an_answer();
    a_message_is_left_as_it_is();
    a_context_says_what_it_is_told();
    missing_scopes_are_named_once_and_in_order();
    memory_of_a_call_is_used_again();
    puts("check: all tests passed");
}
