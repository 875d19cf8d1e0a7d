/* The end of an instance. Part of guardhouse.c. */
#ifndef GUARDHOUSE_TRAP_C
#define GUARDHOUSE_TRAP_C

#include "guardhouse_native.h"

/** Ends the instance, or the unit test, without a message. */
static _Noreturn void gh_trap(void) {
#ifdef __wasm__
    __builtin_trap();
#else
    gh_native_trap();
#endif
}

#endif
