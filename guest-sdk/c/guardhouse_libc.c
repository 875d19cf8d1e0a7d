/* What C's own library does in a plugin: the clock stands still, and a failure is told to the operator. Part of
   guardhouse.c. In a unit test nothing is replaced. */
#include "guardhouse_parts.h"

#ifdef __wasm__

#include <stdio.h>
#include <sys/time.h>
#include <time.h>

/* Every clock answers `now` and none asks the host. */

int clock_gettime(clockid_t clock, struct timespec *now) {
    (void)clock;
    *now = (struct timespec){.tv_sec = gh_now};
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    *now = (struct timeval){.tv_sec = gh_now};
    return 0;
}

time_t time(time_t *now) {
    if (now != NULL)
        *now = gh_now;
    return gh_now;
}

int timespec_get(struct timespec *now, int base) {
    if (base != TIME_UTC)
        return 0;
    *now = (struct timespec){.tv_sec = gh_now};
    return base;
}

/* What ends a program ends the call, and the operator is told why. */

_Noreturn void __assert_fail(const char *expression, const char *file, int line, const char *function) {
    gh_fault_text(gh_format("%s:%d: %s: assertion failed: %s", file, line, function, expression));
}

_Noreturn void abort(void) {
    gh_fault_text(gh_text("the check called abort"));
}

_Noreturn void _Exit(int status) {
    gh_fault_text(gh_format("the check called exit with status %d", status));
}

/** Writes what stdio still holds; part of the C library in a plugin that prints, and NULL in any other. */
__attribute__((weak)) void __stdio_exit(void);

static void gh_flush(void) {
    if (__stdio_exit != NULL)
        __stdio_exit();
}

#else

static void gh_flush(void) {}

#endif
