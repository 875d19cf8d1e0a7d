/* Denials, and the rejection of settings. Part of guardhouse.c. */
#ifndef GUARDHOUSE_ANSWER_C
#define GUARDHOUSE_ANSWER_C

#include "guardhouse_format.c"

/** Whether the last message is for the caller. */
static bool gh_is_denial;

gh_outcome gh_deny(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_string message = gh_format_list(format, arguments);
    va_end(arguments);
    return gh_deny_text(message);
}

gh_outcome(gh_deny_text)(gh_string message) {
    gh_last_message = message;
    gh_is_denial = true;
    return GH_DENY_WITH_MESSAGE;
}

bool gh_invalid(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_last_message = gh_format_list(format, arguments);
    gh_is_denial = false;
    va_end(arguments);
    return false;
}

#endif
