/* JSON as the host sends it: read where it lies, copied only where an escape must be undone. Included by guardhouse.h. */
#ifndef GUARDHOUSE_JSON_H
#define GUARDHOUSE_JSON_H

#include "guardhouse_text.h"

/**
 * A JSON value, or its absence. Copy it as you like: it is a view of text that was checked when it was parsed.
 *
 * A reader of an absent value, or of one of another type, answers false, absent or nothing, so readers can be chained.
 * One that answers false has read false, 0 or no text.
 */
typedef struct gh_json {
    /** The value as it was written. */
    gh_string text;
} gh_json;

/** What a value is. */
typedef enum gh_json_type {
    GH_JSON_ABSENT,
    GH_JSON_NULL,
    GH_JSON_BOOL,
    GH_JSON_NUMBER,
    GH_JSON_STRING,
    GH_JSON_ARRAY,
    GH_JSON_OBJECT,
} gh_json_type;

/** How deep arrays and objects may be nested. */
#define GH_JSON_DEPTH 128

/**
 * The value that a text holds; absent if it is not JSON (RFC 8259), is nested deeper than `GH_JSON_DEPTH`, or has a name
 * twice in one object.
 */
gh_json gh_json_parse(gh_string text);
#define gh_json_parse(text) gh_json_parse(gh_text(text))

/** What a value is. */
gh_json_type gh_json_type_of(gh_json value);

/** Whether there is no value. A `null` is one. */
bool gh_json_is_absent(gh_json value);

/** The value within `value` that a JSON pointer (RFC 6901) names; "" is `value` itself. */
gh_json gh_json_get(gh_json value, gh_string pointer);
#define gh_json_get(value, pointer) gh_json_get(value, gh_text(pointer))

/** Reads `true` or `false`. */
GH_RESULT bool gh_json_bool(gh_json value, bool *read);

/** Reads a number; false also for one that is beyond the range of a double. */
GH_RESULT bool gh_json_number(gh_json value, double *read);

/** Reads a whole number, also one written `5.0` or `5e0`; false for any other, and beyond 64 bits. */
GH_RESULT bool gh_json_integer(gh_json value, int64_t *read);

/** Reads a string, its escapes undone. */
GH_RESULT bool gh_json_string(gh_json value, gh_string *read);

/** Reads an array of strings, and nothing but strings. */
GH_RESULT bool gh_json_strings(gh_json value, gh_list_string *read);

/** How many elements an array has, or members an object; 0 for anything else. */
size_t gh_json_length(gh_json value);

/**
 * A walk through an array or an object:
 *
 *     gh_json_walk walk = gh_json_begin(list);
 *     while (gh_json_next(&walk))
 *         use(walk.value);
 */
typedef struct gh_json_walk {
    /** The member's name; empty in an array. */
    gh_string name;
    /** The element, or the member's value. */
    gh_json value;
    /** What is left of the text. */
    gh_string rest;
    bool in_object;
} gh_json_walk;

/** A walk before its first step; one through anything but an array or object has no steps. */
gh_json_walk gh_json_begin(gh_json value);

/** Steps on; false behind the last. */
GH_RESULT bool gh_json_next(gh_json_walk *walk);

#endif
