/* The outcomes of a check, and faults. Included by guardhouse.h. */
#ifndef GUARDHOUSE_ANSWER_H
#define GUARDHOUSE_ANSWER_H

#include "guardhouse_text.h"

/**
 * The outcome that a check returns. Every other value is a fault. The values are far from 0 and 1, so that a bool, a
 * count or an uninitialized variable is never a valid outcome by accident.
 */
typedef enum gh_outcome {
    /** Denies without a message. */
    GH_DENY = 0x6768000,
    /** Allows. */
    GH_ALLOW = 0x6768001,
    /** Denies with a message for the caller. `gh_deny` and `gh_deny_text` return it; without them it is a fault. */
    GH_DENY_WITH_MESSAGE = 0x6768002,
} gh_outcome;

/**
 * Denies with a message for the caller, formatted as by `printf`: `return gh_deny("…");`. `%.*s` stops at a zero
 * byte; `gh_deny_text` does not.
 */
GH_PRINTF(1, 2) GH_RESULT gh_outcome gh_deny(const char *format, ...);

/** Denies with a message that is not formatted: the caller gets it unchanged. */
GH_RESULT gh_outcome gh_deny_text(gh_string message);
#define gh_deny_text(message) gh_deny_text(gh_text(message))

/**
 * Ends the call in a fault. The operator's log gets the file, the line, the function and a message, formatted as by
 * `printf`. The caller gets a denial without a message. A failed `assert`, `abort` and `exit` do the same.
 */
#define gh_fault(...) gh_fault_at(__FILE__, __LINE__, __func__, __VA_ARGS__)

/** Implements `gh_fault`. */
GH_PRINTF(4, 5) GH_NORETURN void gh_fault_at(const char *file, int line, const char *function, const char *format, ...);

#endif
