/* Reads JSON in place. Part of guardhouse.c. */
#ifndef GUARDHOUSE_JSON_C
#define GUARDHOUSE_JSON_C

#include "guardhouse_arena.c"
#include "guardhouse_scan.c"
#include "guardhouse_text.c"

#include <math.h>
#include <stdlib.h>

static const gh_json gh_absent = {{NULL, 0}};

/** Parses JSON from the host, like `gh_json_parse`, but ignores duplicate names, which the host never sends. */
static gh_json gh_json_view(gh_string text) {
    const char *end = text.data + text.length;
    const char *start = gh_scan_space(text.data, end);
    const char *behind = gh_scan_value(start, end, GH_JSON_DEPTH);
    if (behind == NULL || gh_scan_space(behind, end) != end)
        return gh_absent;
    return (gh_json){{start, (size_t)(behind - start)}};
}

gh_json_type gh_json_type_of(gh_json value) {
    if (value.text.length == 0)
        return GH_JSON_ABSENT;
    switch (*value.text.data) {
    case 'n':
        return GH_JSON_NULL;
    case 't':
    case 'f':
        return GH_JSON_BOOL;
    case '"':
        return GH_JSON_STRING;
    case '[':
        return GH_JSON_ARRAY;
    case '{':
        return GH_JSON_OBJECT;
    default:
        return GH_JSON_NUMBER;
    }
}

bool gh_json_is_absent(gh_json value) {
    return gh_json_type_of(value) == GH_JSON_ABSENT;
}

bool gh_json_bool(gh_json value, bool *read) {
    *read = gh_string_equals(value.text, "true");
    return gh_json_type_of(value) == GH_JSON_BOOL;
}

bool gh_json_number(gh_json value, double *read) {
    *read = 0;
    if (gh_json_type_of(value) != GH_JSON_NUMBER)
        return false;
    char *text = gh_alloc(value.text.length + 1);
    memcpy(text, value.text.data, value.text.length);
    text[value.text.length] = '\0';
    double number = strtod(text, NULL);
    if (!isfinite(number))
        return false;
    *read = number;
    return true;
}

bool gh_json_integer(gh_json value, int64_t *read) {
    *read = 0;
    if (gh_json_type_of(value) != GH_JSON_NUMBER)
        return false;
    int64_t integer = 0;
    bool is_negative = *value.text.data == '-';
    for (size_t i = is_negative; i < value.text.length; i++) {
        char digit = value.text.data[i];
        if (digit < '0' || digit > '9') { /* a fraction or an exponent */
            double number;
            if (!gh_json_number(value, &number) || fabs(number) > 9007199254740991 || number != (double)(int64_t)number)
                return false;
            *read = (int64_t)number;
            return true;
        }
        int64_t step = is_negative ? '0' - digit : digit - '0';
        if (__builtin_mul_overflow(integer, 10, &integer) || __builtin_add_overflow(integer, step, &integer))
            return false;
    }
    *read = integer;
    return true;
}

bool gh_json_string(gh_json value, gh_string *read) {
    *read = (gh_string){NULL, 0};
    if (gh_json_type_of(value) != GH_JSON_STRING)
        return false;
    const char *at = value.text.data + 1;
    const char *end = value.text.data + value.text.length - 1;
    if (memchr(at, '\\', (size_t)(end - at)) == NULL) {
        *read = (gh_string){at, (size_t)(end - at)};
        return true;
    }
    char *data = gh_alloc((size_t)(end - at)); /* an escape is longer than its character */
    *read = (gh_string){data, 0};
    while (at < end) {
        char utf8[4];
        size_t length;
        at = gh_scan_character(at, end, utf8, &length);
        memcpy(data + read->length, utf8, length);
        read->length += length;
    }
    return true;
}

bool gh_json_strings(gh_json value, gh_list_string *read) {
    *read = (gh_list_string){NULL, 0};
    if (gh_json_type_of(value) != GH_JSON_ARRAY)
        return false;
    gh_string *data = gh_alloc_strings(gh_json_length(value));
    gh_json_walk walk = gh_json_begin(value);
    size_t length = 0;
    while (gh_json_next(&walk))
        if (!gh_json_string(walk.value, &data[length++]))
            return false;
    *read = (gh_list_string){data, length};
    return true;
}

/* ---- Arrays and objects ---- */

gh_json_walk gh_json_begin(gh_json value) {
    gh_json_walk walk = {.in_object = gh_json_type_of(value) == GH_JSON_OBJECT};
    if (walk.in_object || gh_json_type_of(value) == GH_JSON_ARRAY)
        walk.rest = (gh_string){value.text.data + 1, value.text.length - 2};
    return walk;
}

/** Like `gh_json_next`, but does not decode the member's name. */
static bool gh_json_step(gh_json_walk *walk) {
    const char *end = walk->rest.data + walk->rest.length;
    const char *at = gh_scan_space(walk->rest.data, end);
    if (at < end && *at == ',')
        at = gh_scan_space(at + 1, end);
    if (at >= end)
        return false;
    if (walk->in_object) {
        walk->name = (gh_string){at, (size_t)(gh_scan_string(at, end) - at)};
        at = gh_scan_name(at, end);
    }
    const char *behind = gh_scan_value(at, end, GH_JSON_DEPTH);
    walk->value = (gh_json){{at, (size_t)(behind - at)}};
    walk->rest = (gh_string){behind, (size_t)(end - behind)};
    return true;
}

bool gh_json_next(gh_json_walk *walk) {
    bool has_next = gh_json_step(walk);
    if (has_next && walk->in_object && !gh_json_string((gh_json){walk->name}, &walk->name))
        return false;
    return has_next;
}

size_t gh_json_length(gh_json value) {
    gh_json_walk walk = gh_json_begin(value);
    size_t length = 0;
    while (gh_json_step(&walk))
        length++;
    return length;
}

/** Orders texts by their bytes. */
static int gh_order(const void *left, const void *right) {
    const gh_string *one = left, *other = right;
    size_t length = one->length < other->length ? one->length : other->length;
    int order = length > 0 ? memcmp(one->data, other->data, length) : 0;
    return order != 0 ? order : (one->length > other->length) - (one->length < other->length);
}

/** Whether no object in `value` has a duplicate name. */
static bool gh_json_has_unique_names(gh_json value) {
    gh_json_walk walk = gh_json_begin(value);
    size_t length = walk.in_object ? gh_json_length(value) : 0;
    gh_string *names = gh_alloc_strings(length);
    for (size_t i = 0; gh_json_next(&walk); i++) {
        if (!gh_json_has_unique_names(walk.value))
            return false;
        if (walk.in_object)
            names[i] = walk.name;
    }
    qsort(names, length, sizeof *names, gh_order);
    for (size_t i = 1; i < length; i++)
        if (gh_string_equals(names[i - 1], names[i]))
            return false;
    return true;
}

gh_json(gh_json_parse)(gh_string text) {
    gh_json value = gh_json_view(text);
    return gh_json_has_unique_names(value) ? value : gh_absent;
}

/** Whether a member's name, still quoted and escaped, matches a reference token of a JSON pointer. */
static bool gh_json_names(gh_string name, const char *token, const char *token_end) {
    const char *at = name.data + 1;
    const char *end = name.data + name.length - 1;
    while (at < end) {
        char utf8[4];
        size_t length;
        at = gh_scan_character(at, end, utf8, &length);
        for (size_t i = 0; i < length; i++) {
            if (token == token_end)
                return false;
            char wanted = *token++;
            if (wanted == '~' && token < token_end && (*token == '0' || *token == '1'))
                wanted = *token++ == '1' ? '/' : '~';
            if (wanted != utf8[i])
                return false;
        }
    }
    return token == token_end;
}

/** Reads a reference token as an index: digits without a leading zero. */
static bool gh_token_index(const char *token, const char *token_end, size_t *index) {
    *index = 0;
    if (token == token_end || (*token == '0' && token_end - token > 1))
        return false;
    for (; token < token_end; token++)
        if (*token < '0' || *token > '9' || __builtin_mul_overflow(*index, (size_t)10, index) ||
            __builtin_add_overflow(*index, (size_t)(*token - '0'), index))
            return false;
    return true;
}

gh_json(gh_json_get)(gh_json value, gh_string pointer) {
    const char *token = pointer.data;
    const char *end = pointer.data + pointer.length;
    while (token < end) {
        if (*token++ != '/')
            return gh_absent;
        const char *slash = memchr(token, '/', (size_t)(end - token));
        const char *token_end = slash != NULL ? slash : end;
        gh_json_walk walk = gh_json_begin(value);
        size_t index = 0;
        if (!walk.in_object && !gh_token_index(token, token_end, &index))
            return gh_absent;
        value = gh_absent;
        for (size_t i = 0; gh_json_is_absent(value) && gh_json_step(&walk); i++)
            if (walk.in_object ? gh_json_names(walk.name, token, token_end) : i == index)
                value = walk.value;
        token = token_end;
    }
    return value;
}

#endif
