/* Comparison of texts. Part of guardhouse.c. */
#ifndef GUARDHOUSE_TEXT_C
#define GUARDHOUSE_TEXT_C

#include "guardhouse_text.h"

bool(gh_string_equals)(gh_string string, gh_string other) {
    return string.length == other.length && (string.length == 0 || memcmp(string.data, other.data, string.length) == 0);
}

bool(gh_string_starts_with)(gh_string string, gh_string prefix) {
    return string.length >= prefix.length && gh_string_equals(((gh_string){string.data, prefix.length}), prefix);
}

bool(gh_string_ends_with)(gh_string string, gh_string suffix) {
    if (string.length < suffix.length)
        return false;
    gh_string end = {string.data + (string.length - suffix.length), suffix.length};
    return gh_string_equals(end, suffix);
}

#endif
