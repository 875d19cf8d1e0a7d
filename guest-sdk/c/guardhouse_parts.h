/* What the parts of guardhouse.c use of each other. Not for plugins. */
#ifndef GUARDHOUSE_PARTS_H
#define GUARDHOUSE_PARTS_H

#include <stdarg.h>

#include "guardhouse.h"

#ifndef __wasm__
#include "guardhouse_testing.h"
#endif

/** What the clock shows, in seconds since the Unix epoch: `now` of the context that was asked about last. */
static int64_t gh_now;

/** Writes what stdio still holds. */
static void gh_flush(void);

/** Memory of this call for `count` texts, not set; never NULL. */
static gh_string *gh_alloc_strings(size_t count);

/** The value that a text of the host holds, as `gh_json_parse`. The host sends no object with a name twice. */
static gh_json gh_json_view(gh_string text);

/** Text as `vprintf` writes it. */
static gh_string gh_format_list(const char *format, va_list arguments);

/** Ends the call in a fault, with words for the operator: it must neither allow nor pass for an ordinary denial. */
static _Noreturn void gh_fault_text(gh_string message);

/** Ends the instance, or in a unit test the test, without a word. */
static _Noreturn void gh_trap(void);

#endif
