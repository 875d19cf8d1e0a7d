/* Text. Part of guardhouse.c. */
#include "guardhouse_parts.h"

#include <stdio.h>

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

gh_string gh_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_string text = gh_format_list(format, arguments);
    va_end(arguments);
    return text;
}

static gh_string gh_format_list(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        gh_fault_text(gh_text("a format that printf does not take"));
    char *data = gh_alloc((size_t)length + 1);
    vsnprintf(data, (size_t)length + 1, format, again);
    va_end(again);
    return (gh_string){data, (size_t)length};
}
