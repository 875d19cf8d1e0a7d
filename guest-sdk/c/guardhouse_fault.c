/* Faults. Part of guardhouse.c. */
#ifndef GUARDHOUSE_FAULT_C
#define GUARDHOUSE_FAULT_C

#include "guardhouse_log.c"
#include "guardhouse_trap.c"

/** The message of the last denial, refusal of settings, or fault. */
gh_string gh_last_message;

/** Ends the call in a fault, with a message for the operator: it must neither allow nor pass for an ordinary denial. */
static _Noreturn void gh_fault_text(gh_string message) {
    gh_last_message = message;
    gh_flush();
    gh_log_in(GH_LEVEL_CRITICAL, "exception", message);
    gh_trap();
}

void gh_fault_no_text(void) {
    gh_fault_text(gh_text("a text is NULL"));
}

#endif
