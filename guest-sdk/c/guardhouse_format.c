/* Text that is formatted as by `printf`, and what needs it. Part of guardhouse.c. */
#ifndef GUARDHOUSE_FORMAT_C
#define GUARDHOUSE_FORMAT_C

#include "guardhouse_arena.c"
#include "guardhouse_fault.c"

#include <stdarg.h>
#include <stdio.h>

/** Formats text as `vprintf` does. */
static gh_string gh_format_list(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        gh_fault_text(gh_text("invalid printf format"));
    char *data = gh_alloc((size_t)length + 1);
    vsnprintf(data, (size_t)length + 1, format, again);
    va_end(again);
    return (gh_string){data, (size_t)length};
}

gh_string gh_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_string text = gh_format_list(format, arguments);
    va_end(arguments);
    return text;
}

void gh_log(gh_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_log_text(level, gh_format_list(format, arguments));
    va_end(arguments);
}

void gh_fault_at(const char *file, int line, const char *function, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_string message = gh_format_list(format, arguments);
    va_end(arguments);
    gh_fault_text(gh_format("%s:%d: %s: fault: %.*s", file, line, function, GH_ARG(message)));
}

#endif
