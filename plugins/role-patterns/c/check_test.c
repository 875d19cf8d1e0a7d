/* Unit tests, which run natively without a host: `make test`. */
#include "check.c"

#include <assert.h>
#include <stdio.h>

#include "guardhouse_testing.h"

static void set(void) {
    assert(gh_test_configure(configure, GH_TEST_JSON({
        "claim": "/roles",
        "roles": {"teller": {"allow": [{"component": "tool:{read,list}-*"}], "deny": [{"component": "*:**secret**"}]}}
    })));
}

static void a_pattern_of_a_role_allows(void) {
    set();
    const char *teller = GH_TEST_JSON({"roles": ["teller"]}), *guest = GH_TEST_JSON({"roles": ["guest"]});
    assert(check(gh_test_context(.name = "list-orders", .claims = teller)) == GH_ALLOW);
    assert(check(gh_test_context(.name = "list-orders", .claims = guest)) == GH_DENY);
}

static void a_denial_wins(void) {
    set();
    const gh_auth_context *ctx = gh_test_context(.name = "read-secrets", .claims = GH_TEST_JSON({"roles": ["teller"]}));
    assert(gh_test_denies(check(ctx), "role `teller` must not use `tool:read-secrets`"));
}

static void patterns(void) {
    assert(!matches(gh_text("*"), gh_text("a/b")));
    assert(matches(gh_text("**"), gh_text("a/b")));
    assert(matches(gh_text("{a,b*}?"), gh_text("bcd")));
}

int main(void) {
    a_pattern_of_a_role_allows();
    a_denial_wins();
    patterns();
    puts("all tests passed");
}
