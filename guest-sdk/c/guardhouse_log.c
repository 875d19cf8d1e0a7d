/* The operator's log. Part of guardhouse.c. */
#ifndef GUARDHOUSE_LOG_C
#define GUARDHOUSE_LOG_C

#include "guardhouse.h"

#ifdef __wasm__

/** Flushes the buffers of stdio. It is part of the C library in a plugin that prints, and NULL in any other plugin. */
__attribute__((weak)) void __stdio_exit(void);

static void gh_flush(void) {
    if (__stdio_exit != NULL)
        __stdio_exit();
}

#else

static void gh_flush(void) {}

#endif

/** Logs a message with a context, which groups messages that belong together. */
static void gh_log_in(gh_level level, const char *context, gh_string message) {
    gh_abi_logging_log((int32_t)level, context, strlen(context), message.data, message.length);
}

void(gh_log_text)(gh_level level, gh_string message) {
    gh_log_in(level, "", message);
}

#endif
