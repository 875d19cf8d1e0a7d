/* Text: what it is made of, compared with, and allocated as. Included by guardhouse.h. */
#ifndef GUARDHOUSE_TEXT_H
#define GUARDHOUSE_TEXT_H

#include <limits.h>
#include <string.h>

#include "guardhouse_types.h"

#define GH_PRINTF(at, first) __attribute__((format(printf, at, first)))
#define GH_RESULT __attribute__((warn_unused_result))
#define GH_NORETURN __attribute__((noreturn))

/**
 * A `gh_string` of a string literal, a C string or a `gh_string`. Where a function of Guardhouse takes text, it takes
 * any of the three. A C string that is NULL is a fault.
 */
#define gh_text(text) \
    _Generic((text), gh_string: gh_text_of_string, char *: gh_text_of_c, const char *: gh_text_of_c)(text)

/** The two arguments that `%.*s` takes for a `gh_string`: `printf("%.*s", GH_ARG(string))`. */
#define GH_ARG(string) gh_precision((string).length), (string).data

/** Whether two texts are the same, byte by byte. */
bool gh_string_equals(gh_string string, gh_string other);
#define gh_string_equals(string, other) gh_string_equals(gh_text(string), gh_text(other))

/** Whether `string` begins with `prefix`. */
bool gh_string_starts_with(gh_string string, gh_string prefix);
#define gh_string_starts_with(string, prefix) gh_string_starts_with(gh_text(string), gh_text(prefix))

/** Whether `string` ends with `suffix`. */
bool gh_string_ends_with(gh_string string, gh_string suffix);
#define gh_string_ends_with(string, suffix) gh_string_ends_with(gh_text(string), gh_text(suffix))

/** Text as `printf` writes it, in memory of this call. */
GH_PRINTF(1, 2) gh_string gh_format(const char *format, ...);

/** Memory of this call, for any type and not zeroed; never NULL. */
void *gh_alloc(size_t size);

/** Ends the call in a fault: a C string is NULL. */
GH_NORETURN void gh_fault_no_text(void);

/** What `gh_text` calls. */
static inline gh_string gh_text_of_string(gh_string text) {
    return text;
}

/** What `gh_text` calls. */
static inline gh_string gh_text_of_c(const char *text) {
    if (text == NULL)
        gh_fault_no_text();
    return (gh_string){text, strlen(text)};
}

/** What `GH_ARG` calls: a negative precision would be none, and `printf` would read up to a zero byte. */
static inline int gh_precision(size_t length) {
    return length < INT_MAX ? (int)length : INT_MAX;
}

#endif
