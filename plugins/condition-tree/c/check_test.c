/* Unit tests, which run natively without a host: `make test`. */
#include "check.c"
#include "network.c"

#include <assert.h>
#include <stdio.h>

#include "guardhouse_testing.h"

#define SMALL "{\"compare\": {\"argument\": \"/amount\", \"is\": \"<=\", \"number\": 1000}}"

static void a_condition(void) {
    assert(gh_test_configure(configure, "{\"condition\": " SMALL "}"));
    assert(check(gh_test_context(.arguments = GH_TEST_JSON({"amount": 1000}))) == GH_ALLOW);
    assert(check(gh_test_context(.arguments = GH_TEST_JSON({"amount": 1000.5}))) == GH_DENY);
}

static void a_missing_input_denies_also_under_a_negation(void) {
    const char *message = "an input of the policy is missing or has another type";
    assert(gh_test_configure(configure, "{\"condition\": " SMALL "}"));
    assert(gh_test_denies(check(gh_test_context()), message));
    assert(gh_test_configure(configure, "{\"condition\": {\"none\": [" SMALL "]}}"));
    assert(gh_test_denies(check(gh_test_context()), message));
}

static void texts_that_are_not_networks_are_rejected(void) {
    assert(!gh_test_configure(configure, GH_TEST_JSON({"condition": {"none": [{"network": {"in": ["192.0.2.0/33"]}}]}})));
    assert(gh_string_equals(gh_test_message(), "`192.0.2.0/33` is not a network"));
    assert(!gh_test_configure(configure, GH_TEST_JSON({"condition": {"network": {"in": ["192.0.2/24"]}}})));
    assert(!gh_test_configure(configure, GH_TEST_JSON({"condition": {"network": {"in": ["2001:db8::/129"]}}})));
}

int main(void) {
    a_condition();
    a_missing_input_denies_also_under_a_negation();
    texts_that_are_not_networks_are_rejected();
    puts("all tests passed");
}
