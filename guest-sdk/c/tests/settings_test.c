/* Settings: invalid ones are rejected, and a call before `configure` is a fault. */
#include <assert.h>
#include <stdio.h>

#include "guardhouse.h"
#include "guardhouse_testing.h"

static gh_list_string scopes;

static bool configure(gh_json settings) {
    return gh_json_strings(gh_json_get(settings, "/scopes"), &scopes) || gh_invalid("`scopes` must be %s", "a list");
}

static gh_outcome check(const gh_auth_context *ctx) {
    return gh_has_scopes(gh_token(ctx), scopes) ? GH_ALLOW : GH_DENY;
}

static gh_list_string missing_scopes(const gh_auth_context *ctx) {
    return gh_missing_scopes(gh_token(ctx), scopes);
}

static const unsigned char schema[] = "{}";

GH_EXPORT_CHECK(check);
GH_EXPORT_SETTINGS(schema, configure);
GH_EXPORT_STEP_UP(missing_scopes);

static gh_outcome name_missing_scopes(const gh_auth_context *ctx) {
    return gh_run_step_up(missing_scopes, ctx)->length == 0 ? GH_ALLOW : GH_DENY;
}

static void a_call_before_configure_is_a_fault(void) {
    assert(gh_test_faults(check, gh_test_context(.token = true)));
    assert(gh_string_equals(gh_test_message(), "the plugin was called before it was configured"));
    assert(gh_test_faults(name_missing_scopes, gh_test_context(.token = true)));
}

static void rejected_settings_are_not_used(void) {
    assert(gh_test_configure(configure, GH_TEST_JSON({"scopes": []})));
    assert(!gh_test_faults(check, gh_test_context(.token = true)));
    assert(!gh_test_configure(configure, GH_TEST_JSON({"scopes": "pay"})));
    assert(gh_string_equals(gh_test_message(), "`scopes` must be a list"));
    assert(gh_test_faults(check, gh_test_context(.token = true)));
    assert(!gh_test_configure(configure, "{"));
    assert(gh_string_equals(gh_test_message(), "the settings are not JSON"));
}

static void settings_are_kept_after_a_call(void) {
    assert(gh_test_configure(configure, GH_TEST_JSON({"scopes": ["p\u0061y"]})));
    gh_release();
    memset(gh_alloc(4096), 0, 4096);
    gh_release();
    const gh_auth_context *ctx = gh_test_context(.scopes = GH_TEST_LIST("pay"));
    assert(gh_run_check(check, ctx)->value.ok);
    assert(!gh_run_check(check, gh_test_context(.token = true))->value.ok);
}

int main(void) {
    a_call_before_configure_is_a_fault();
    rejected_settings_are_not_used();
    settings_are_kept_after_a_call();
    puts("settings: all tests passed");
}
