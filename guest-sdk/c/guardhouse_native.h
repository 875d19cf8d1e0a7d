/* The interface between guardhouse.c and the host in a native build, in addition to guardhouse_abi.h. In a unit test,
   guardhouse_testing.c replaces the host. Not for plugins. */
#ifndef GUARDHOUSE_NATIVE_H
#define GUARDHOUSE_NATIVE_H

#include "guardhouse_text.h"

/** Ends the call; the native counterpart of a trap. */
GH_NORETURN void gh_native_trap(void);

/** The context whose document the plugin requests. The imports do not have it as a parameter: a host knows it. */
extern const gh_auth_context *gh_asked_context;

/** The message of the last denial, rejection of settings, or fault. */
extern gh_string gh_last_message;

#endif
