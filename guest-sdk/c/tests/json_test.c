/* JSON: values are read, invalid text is rejected, and nothing is read out of bounds. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "guardhouse.h"

static gh_json parsed(const char *text) {
    gh_json value = gh_json_parse(text);
    assert(!gh_json_is_absent(value));
    return value;
}

static void pointers_name_values(void) {
    gh_json value = parsed("{\"a/b\": {\"m~n\": [1, 2, 3]}, \"\": 4, \"gr\\u00f6\\u00dfe\": 5, \"~2\": 6}");
    int64_t number;
    assert(gh_json_integer(gh_json_get(value, "/a~1b/m~0n/2"), &number) && number == 3);
    assert(gh_json_integer(gh_json_get(value, "/"), &number) && number == 4);
    assert(gh_json_integer(gh_json_get(value, "/größe"), &number) && number == 5);
    assert(gh_json_integer(gh_json_get(value, "/~2"), &number) && number == 6);
    assert(gh_json_type_of(gh_json_get(value, "")) == GH_JSON_OBJECT);
    const char *const none[] = {"a", "/a", "/a~1b/m~0n/3", "/a~1b/m~0n/02", "/a~1b/m~0n/-", "/a~1b/m~0n/+1", "//",
                                NULL};
    for (size_t i = 0; none[i] != NULL; i++)
        assert(gh_json_is_absent(gh_json_get(value, none[i])));
}

static void escapes_are_decoded(void) {
    gh_string text;
    assert(gh_json_string(parsed("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude42\\u0000.\""), &text));
    assert(gh_string_equals(text, ((gh_string){"\"\\/\b\f\n\r\té🙂\0.", 16})));
    assert(gh_json_string(parsed("\"né\""), &text) && gh_string_equals(text, "né"));
    assert(gh_json_string(parsed("\"\""), &text) && text.length == 0);
    assert(!gh_json_string(parsed("5"), &text));
}

static void numbers_are_read(void) {
    double number;
    int64_t integer;
    assert(gh_json_number(parsed("-1.5e3"), &number) && number == -1500);
    assert(!gh_json_number(parsed("1e999"), &number) && number == 0);
    assert(!gh_json_number(parsed("true"), &number));
    assert(gh_json_integer(parsed("-9223372036854775808"), &integer) && integer == INT64_MIN);
    assert(!gh_json_integer(parsed("9223372036854775808"), &integer) && integer == 0);
    assert(gh_json_integer(parsed("5.0"), &integer) && integer == 5);
    assert(!gh_json_integer(parsed("5.5"), &integer) && integer == 0);
    assert(!gh_json_integer(parsed("\"5\""), &integer));
    assert(!gh_json_integer(parsed("1e300"), &integer));
}

static void a_walk_visits_each_value_once(void) {
    gh_json_walk walk = gh_json_begin(parsed(" { \"a\" : [ ] , \"b\\n\" : { } } "));
    assert(gh_json_next(&walk) && gh_string_equals(walk.name, "a") && gh_json_type_of(walk.value) == GH_JSON_ARRAY);
    assert(gh_json_next(&walk) && gh_string_equals(walk.name, "b\n") && gh_json_length(walk.value) == 0);
    assert(!gh_json_next(&walk));
    assert(gh_json_length(parsed("[1, [2, 3], \"]\"]")) == 3);
    gh_json_walk none = gh_json_begin(parsed("5"));
    assert(!gh_json_next(&none));
}

static void duplicate_names_are_rejected(void) {
    const char *const twice[] = {"{\"a\": 1, \"a\": 1}", "{\"a\": 1, \"b\": 2, \"\\u0061\": 3}", "{\"\": 1, \"\": 2}",
                                 "[[{\"b\": {\"ab\": [], \"a\": 1, \"ab\": 2}}]]", NULL};
    for (size_t i = 0; twice[i] != NULL; i++)
        assert(gh_json_is_absent(gh_json_parse(twice[i])));
    parsed("{\"a\": {\"a\": 1}, \"A\": [{\"a\": 1}, {\"a\": 1}], \"ab\": \"a\", \"a\\u0000\": 0}");
}

static void invalid_json_is_rejected(void) {
    const char *const wrong[] = {"", " ", "nul", "01", "1.", ".5", "-", "1e", "+1", "[1,]", "[1 2]", "{\"a\"}",
                                 "{\"a\":}", "{a:1}", "{\"a\":1,}", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
                                 "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\n\"", "[", "]", "1 2", "NaN", NULL};
    for (size_t i = 0; wrong[i] != NULL; i++)
        assert(gh_json_is_absent(gh_json_parse(wrong[i])));
    char deep[2 * GH_JSON_DEPTH + 3] = "";
    for (size_t i = 0; i < GH_JSON_DEPTH; i++) {
        deep[i] = '[';
        deep[2 * GH_JSON_DEPTH - 1 - i] = ']';
    }
    assert(!gh_json_is_absent(gh_json_parse(deep)));
    char deeper[sizeof deep + 2];
    snprintf(deeper, sizeof deeper, "[%s]", deep);
    assert(gh_json_is_absent(gh_json_parse(deeper)));
}

/** Calls every reading function on a value and on all values in it. */
static size_t read_all(gh_json value) {
    bool truth;
    double number;
    int64_t integer;
    gh_string text;
    gh_list_string list;
    size_t read = gh_json_bool(value, &truth) + gh_json_number(value, &number) + gh_json_integer(value, &integer) +
                  gh_json_string(value, &text) + gh_json_strings(value, &list);
    gh_json_walk walk = gh_json_begin(value);
    while (gh_json_next(&walk))
        read += read_all(walk.value);
    return read;
}

/** Reads texts that are almost JSON, each in memory of exactly its size, so that the sanitizer detects any overrun. */
static void nothing_is_read_out_of_bounds(void) {
    static const char seed[] = "{\"a\\u00e9\\ud83d\\ude42\":[1,-2.5e+3,true,null,\"\\n\",{}],"
                               "\"b\":{\"c\":[[]],\"~/\":\"x\"}}";
    static const char letters[] = "{}[]\",:\\u0d8-+.eEtrfalsn ~/";
    size_t valid = 0;
    srand(1);
    for (int turn = 0; turn < 400000; turn++) {
        size_t length = (size_t)rand() % sizeof seed;
        size_t start = (size_t)rand() % (sizeof seed - length);
        char *data = malloc(length + 1);
        memcpy(data, seed + start, length);
        for (int change = rand() % 4; change > 0 && length > 0; change--)
            data[(size_t)rand() % length] = letters[(size_t)rand() % (sizeof letters - 1)];
        char *exact = realloc(data, length > 0 ? length : 1);
        gh_json value = gh_json_parse(((gh_string){exact, length}));
        valid += !gh_json_is_absent(value);
        read_all(value);
        gh_json_get(value, "/a/5/b/~1~0");
        gh_release();
        free(exact);
    }
    assert(valid > 1000);
}

int main(void) {
    pointers_name_values();
    escapes_are_decoded();
    numbers_are_read();
    a_walk_visits_each_value_once();
    duplicate_names_are_rejected();
    invalid_json_is_rejected();
    nothing_is_read_out_of_bounds();
    puts("json: all tests passed");
}
