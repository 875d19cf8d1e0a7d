/* JSON from the host. It is read in place; only a string with escapes is copied. Included by guardhouse.h. */
#ifndef GUARDHOUSE_JSON_H
#define GUARDHOUSE_JSON_H

#include "guardhouse_text.h"

/**
 * A JSON value, or its absence. It is a view of text that was validated when it was parsed, so it is cheap to copy.
 *
 * All functions accept an absent value and a value of another type, so calls can be chained: they return false, an
 * absent value or 0. A function that returns false sets `*read` to false, 0 or empty.
 */
typedef struct gh_json {
    /** The JSON text of the value; empty if the value is absent. */
    gh_string text;
} gh_json;

/** The type of a JSON value. */
typedef enum gh_json_type {
    GH_JSON_ABSENT,
    GH_JSON_NULL,
    GH_JSON_BOOL,
    GH_JSON_NUMBER,
    GH_JSON_STRING,
    GH_JSON_ARRAY,
    GH_JSON_OBJECT,
} gh_json_type;

/** The maximum depth of nested arrays and objects. */
#define GH_JSON_DEPTH 128

/**
 * Parses JSON (RFC 8259). The result is absent if the text is invalid, is nested deeper than `GH_JSON_DEPTH`, or has an
 * object with a duplicate name.
 */
gh_json gh_json_parse(gh_string text);
#define gh_json_parse(text) gh_json_parse(gh_text(text))

/** The type of a value. */
gh_json_type gh_json_type_of(gh_json value);

/** Whether the value is absent. `null` is not absent. */
bool gh_json_is_absent(gh_json value);

/** The value at a JSON pointer (RFC 6901) in `value`; absent if it does not exist. "" is `value` itself. */
gh_json gh_json_get(gh_json value, gh_string pointer);
#define gh_json_get(value, pointer) gh_json_get(value, gh_text(pointer))

/** Reads `true` or `false`. */
GH_RESULT bool gh_json_bool(gh_json value, bool *read);

/** Reads a number. It returns false if the number is outside the range of a `double`. */
GH_RESULT bool gh_json_number(gh_json value, double *read);

/** Reads an integer, which may be written as `5.0` or `5e0`. It returns false if it does not fit into 64 bits. */
GH_RESULT bool gh_json_integer(gh_json value, int64_t *read);

/** Reads a string and decodes its escapes. */
GH_RESULT bool gh_json_string(gh_json value, gh_string *read);

/** Reads an array of strings. It returns false if any element is not a string. */
GH_RESULT bool gh_json_strings(gh_json value, gh_list_string *read);

/** The number of elements of an array, or of members of an object; 0 for any other value. */
size_t gh_json_length(gh_json value);

/**
 * An iteration over an array or an object:
 *
 *     gh_json_walk walk = gh_json_begin(list);
 *     while (gh_json_next(&walk))
 *         use(walk.value);
 */
typedef struct gh_json_walk {
    /** The name of the current member; empty in an array. */
    gh_string name;
    /** The current element, or the value of the current member. */
    gh_json value;
    /** The rest of the text. */
    gh_string rest;
    /** Whether the value is an object. */
    bool in_object;
} gh_json_walk;

/** Begins a walk, before its first element. A value that is not an array or an object has no elements. */
gh_json_walk gh_json_begin(gh_json value);

/** Moves to the next element or member. It returns false if there are no more. */
GH_RESULT bool gh_json_next(gh_json_walk *walk);

#endif
