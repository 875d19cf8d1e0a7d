/* Faults, and the operator's log that is told of them. Part of guardhouse.c. */
#include "guardhouse_parts.h"

/** Logs a text in a context, which groups words that belong together. */
static void gh_log_in(gh_level level, const char *context, gh_string message) {
    gh_abi_logging_log((int32_t)level, context, strlen(context), message.data, message.length);
}

void(gh_log_text)(gh_level level, gh_string message) {
    gh_log_in(level, "", message);
}

void gh_log(gh_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_log_text(level, gh_format_list(format, arguments));
    va_end(arguments);
}

static _Noreturn void gh_trap(void) {
#ifdef __wasm__
    __builtin_trap();
#else
    gh_test_trap();
#endif
}

static _Noreturn void gh_fault_text(gh_string message) {
    gh_last_message = message;
    gh_flush();
    gh_log_in(GH_LEVEL_CRITICAL, "exception", message);
    gh_trap();
}

void gh_fault_no_text(void) {
    gh_fault_text(gh_text("a text is NULL"));
}

void gh_fault_at(const char *file, int line, const char *function, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    gh_string message = gh_format_list(format, arguments);
    va_end(arguments);
    gh_fault_text(gh_format("%s:%d: %s: fault: %.*s", file, line, function, GH_ARG(message)));
}
