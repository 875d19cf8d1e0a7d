/* Functions of the C library that are replaced in a plugin: clocks return `now` of the context, and `abort`, `exit` and
   failed assertions are logged. A unit test uses the real functions. Part of guardhouse.c. */
#ifndef GUARDHOUSE_LIBC_C
#define GUARDHOUSE_LIBC_C

#include "guardhouse_fault.c"
#include "guardhouse_format.c"

/** The time of every clock, in seconds since the Unix epoch: `now` of the context of the last call. */
static int64_t gh_now;

#ifdef __wasm__

#include <sys/time.h>
#include <time.h>

/* Clocks do not call the host. */

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

/* Functions that end a program end the call in a fault. */

_Noreturn void __assert_fail(const char *expression, const char *file, int line, const char *function) {
    gh_fault_text(gh_format("%s:%d: %s: assertion failed: %s", file, line, function, expression));
}

_Noreturn void abort(void) {
    gh_fault_text(gh_text("the check called abort"));
}

_Noreturn void _Exit(int status) {
    gh_fault_text(gh_format("the check called exit with status %d", status));
}

#endif

#endif
