/* Unit tests, which run natively without a host: `make test`. */
#include "check.c"

#include <assert.h>
#include <stdio.h>

#include "guardhouse_testing.h"

#define REST                                                             \
    "\"zone\": \"Europe/Berlin\", \"offset\": 60, "                      \
    "\"calendar\": {\"first\": \"2026-01-01\", \"last\": \"2026-12-31\"}, \"holidays\": [\"2026-02-03\"]}"
#define MONDAY_AT_NINE 1770019200

static const char *const written =
    "{\"hours\": [{\"days\": [\"mon\", \"tue\", \"wed\"], \"opens\": \"09:00\", \"closes\": \"17:00\"}], " REST;
static const char *const reversed =
    "{\"hours\": [{\"days\": [\"mon\"], \"opens\": \"17:00\", \"closes\": \"09:00\"}], " REST;

static void the_first_minute_is_allowed(void) {
    assert(gh_test_configure(configure, written));
    assert(check(gh_test_context(.now = MONDAY_AT_NINE)) == GH_ALLOW);
}

static void the_evening_before_a_holiday_is_denied_with_the_next_opening(void) {
    assert(gh_test_configure(configure, written));
    assert(gh_test_denies(check(gh_test_context(.now = MONDAY_AT_NINE + 8 * 3600)),
                          "the office is closed until 2026-02-04 09:00 (Europe/Berlin)"));
}

static void hours_in_the_wrong_order_are_rejected(void) {
    assert(!gh_test_configure(configure, reversed));
    assert(gh_string_equals(gh_test_message(), "17:00 is not before 09:00"));
}

int main(void) {
    the_first_minute_is_allowed();
    the_evening_before_a_holiday_is_denied_with_the_next_opening();
    hours_in_the_wrong_order_are_rejected();
    puts("all tests passed");
}
