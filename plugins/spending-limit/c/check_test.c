/* Unit tests, which run natively without a host: `make test`. */
#include "check.c"

#include <assert.h>
#include <stdio.h>

#include "guardhouse_testing.h"

static void set(const char *json) {
    assert(gh_test_configure(configure, json));
}

static void a_call_within_the_limit_is_allowed(void) {
    set(GH_TEST_JSON({"scopes": ["pay"], "limit": {"argument": "/amount", "max": 1000}}));
    const gh_auth_context *ctx =
        gh_test_context(.scopes = GH_TEST_LIST("pay"), .arguments = GH_TEST_JSON({"amount": 250}));
    assert(check(ctx) == GH_ALLOW);
}

static void a_call_above_the_limit_is_denied_with_a_message(void) {
    set(GH_TEST_JSON({"scopes": [], "limit": {"argument": "/amount", "max": 1000}}));
    const gh_auth_context *ctx = gh_test_context(.token = true, .arguments = GH_TEST_JSON({"amount": 1000.25}));
    assert(gh_test_denies(check(ctx), "argument `/amount` must be a number of at most 1000"));
}

static void a_list_is_not_limited(void) {
    set(GH_TEST_JSON({"scopes": [], "limit": {"argument": "/amount", "max": 1000}}));
    assert(check(gh_test_context(.token = true, .action = "tools/list")) == GH_ALLOW);
}

static void a_suspended_client_is_denied_with_a_message(void) {
    set(GH_TEST_JSON({"scopes": ["pay"], "suspended": ["mallory"]}));
    assert(gh_test_denies(check(gh_test_context(.client_id = "mallory")), "client `mallory` is suspended"));
}

static void missing_scopes_are_named_only_for_a_token(void) {
    set(GH_TEST_JSON({"scopes": ["pay", "audit", "audit"]}));
    assert(check(gh_test_context()) == GH_DENY);
    assert(missing_scopes(gh_test_context()).length == 0);

    const gh_auth_context *ctx = gh_test_context(.scopes = GH_TEST_LIST("pay"));
    assert(check(ctx) == GH_DENY);
    assert(missing_scopes(ctx).length == 1);
    assert(gh_string_equals(missing_scopes(ctx).data[0], "audit"));
}

static void settings_of_another_type_are_rejected(void) {
    assert(!gh_test_configure(configure, GH_TEST_JSON({"scopes": "pay"})));
    assert(gh_string_equals(gh_test_message(), "`scopes` must be a list of strings"));
}

int main(void) {
    a_call_within_the_limit_is_allowed();
    a_call_above_the_limit_is_denied_with_a_message();
    a_list_is_not_limited();
    a_suspended_client_is_denied_with_a_message();
    missing_scopes_are_named_only_for_a_token();
    settings_of_another_type_are_rejected();
    puts("all tests passed");
}
