/* Faults. Part of guardhouse.c. */
#ifndef GUARDHOUSE_FAULT_C
#define GUARDHOUSE_FAULT_C

#include "guardhouse_log.c"
#include "guardhouse_trap.c"

/** The message of the last denial, rejection of settings, or fault. */
gh_string gh_last_message;

/** Ends the call in a fault, with a message for the operator. A fault must neither allow nor look like a denial. */
static _Noreturn void gh_fault_text(gh_string message) {
    gh_last_message = message;
    gh_flush();
    gh_log_in(GH_LEVEL_CRITICAL, "exception", message);
    gh_trap();
}

void gh_fault_no_text(void) {
    gh_fault_text(gh_text("a text argument is NULL"));
}

#endif
