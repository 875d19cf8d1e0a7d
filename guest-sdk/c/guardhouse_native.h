/* The interface between guardhouse.c and the host in a native build, besides guardhouse_abi.h. In a unit test the host is
   guardhouse_testing.c. Not for plugins. */
#ifndef GUARDHOUSE_NATIVE_H
#define GUARDHOUSE_NATIVE_H

#include "guardhouse_text.h"

/** Ends the call, as a trap ends an instance. */
GH_NORETURN void gh_native_trap(void);

/** The context of the document that the plugin asks for. The imports do not name it, because a host knows it. */
extern const gh_auth_context *gh_asked_context;

/** The message of the last denial, refusal of settings, or fault. */
extern gh_string gh_last_message;

#endif
