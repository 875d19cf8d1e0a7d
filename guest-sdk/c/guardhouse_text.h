/* Conversion, comparison and allocation of text. Included by guardhouse.h. */
#ifndef GUARDHOUSE_TEXT_H
#define GUARDHOUSE_TEXT_H

#include <limits.h>
#include <string.h>

#include "guardhouse_types.h"

#define GH_PRINTF(at, first) __attribute__((format(printf, at, first)))
#define GH_RESULT __attribute__((warn_unused_result))
#define GH_NORETURN __attribute__((noreturn))

/**
 * Converts a string literal, a C string or a `gh_string` to a `gh_string`. The functions of Guardhouse that take text
 * accept all three. A C string that is NULL is a fault.
 */
#define gh_text(text) \
    _Generic((text), gh_string: gh_text_of_string, char *: gh_text_of_c, const char *: gh_text_of_c)(text)

/** The two arguments of `%.*s` for a `gh_string`: `printf("%.*s", GH_ARG(string))`. */
#define GH_ARG(string) gh_precision((string).length), (string).data

/** Whether two texts have the same bytes. */
bool gh_string_equals(gh_string string, gh_string other);
#define gh_string_equals(string, other) gh_string_equals(gh_text(string), gh_text(other))

/** Whether `string` begins with `prefix`. */
bool gh_string_starts_with(gh_string string, gh_string prefix);
#define gh_string_starts_with(string, prefix) gh_string_starts_with(gh_text(string), gh_text(prefix))

/** Whether `string` ends with `suffix`. */
bool gh_string_ends_with(gh_string string, gh_string suffix);
#define gh_string_ends_with(string, suffix) gh_string_ends_with(gh_text(string), gh_text(suffix))

/** Formats text as `printf` does, in memory of the current call. */
GH_PRINTF(1, 2) gh_string gh_format(const char *format, ...);

/** Allocates memory of the current call, aligned for any type and not zeroed. It never returns NULL. */
void *gh_alloc(size_t size);

/** Ends the call in a fault because a C string is NULL. */
GH_NORETURN void gh_fault_no_text(void);

/** Implements `gh_text`. */
static inline gh_string gh_text_of_string(gh_string text) {
    return text;
}

/** Implements `gh_text`. */
static inline gh_string gh_text_of_c(const char *text) {
    if (text == NULL)
        gh_fault_no_text();
    return (gh_string){text, strlen(text)};
}

/** Implements `GH_ARG`: `printf` ignores a negative precision, and would read up to a zero byte. */
static inline int gh_precision(size_t length) {
    return length < INT_MAX ? (int)length : INT_MAX;
}

#endif
