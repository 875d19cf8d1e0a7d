/* The answers of a check, and faults. Included by guardhouse.h. */
#ifndef GUARDHOUSE_ANSWER_H
#define GUARDHOUSE_ANSWER_H

#include "guardhouse_text.h"

/**
 * What a check answers. The values are far from 0 and 1, so that no bool, count or forgotten variable is an answer by
 * accident: every other value is a fault.
 */
typedef enum gh_outcome {
    /** Denies without a word. */
    GH_DENY = 0x6768000,
    /** Allows. */
    GH_ALLOW = 0x6768001,
    /** Denies with a message for the caller; made by `gh_deny`, and a fault without it. */
    GH_DENY_WITH_MESSAGE = 0x6768002,
} gh_outcome;

/**
 * Denies with a message for the caller, written as `printf` writes it: `return gh_deny("…");`. A `%.*s` ends at a zero
 * byte; `gh_deny_text` does not.
 */
GH_PRINTF(1, 2) GH_RESULT gh_outcome gh_deny(const char *format, ...);

/** Denies with a message that reaches the caller exactly as it stands. */
GH_RESULT gh_outcome gh_deny_text(gh_string message);
#define gh_deny_text(message) gh_deny_text(gh_text(message))

/**
 * Ends the call in a fault, with words for the operator: file, line, function and what `printf` would write. The caller
 * sees a denial without a word. A failed `assert`, `abort` and `exit` do the same.
 */
#define gh_fault(...) gh_fault_at(__FILE__, __LINE__, __func__, __VA_ARGS__)

/** What `gh_fault` calls. */
GH_PRINTF(4, 5) GH_NORETURN void gh_fault_at(const char *file, int line, const char *function, const char *format, ...);

#endif
