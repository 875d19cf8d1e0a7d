/* The imports and exports of guardhouse:auth@0.1.0. Generated from wit/; do not edit. */
#ifndef GUARDHOUSE_ABI_H
#define GUARDHOUSE_ABI_H

#include "guardhouse_types.h"

#ifdef __wasm__
#define GH_ABI_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define GH_ABI_EXPORT(name) __attribute__((export_name(name)))
#else
#define GH_ABI_IMPORT(module, name)
#define GH_ABI_EXPORT(name)
#endif

/* The results of exports. */

typedef struct gh_result_bool_authorization_error {
    bool is_err;
    union {
        bool ok;
        gh_authorization_error err;
    } value;
} gh_result_bool_authorization_error;

typedef struct gh_result_void_string {
    bool is_err;
    union {
        gh_string err;
    } value;
} gh_result_void_string;

#ifdef __wasm32__
_Static_assert(sizeof(gh_result_bool_authorization_error) == 12, "gh_result_bool_authorization_error");
_Static_assert(offsetof(gh_result_bool_authorization_error, value) == 4, "gh_result_bool_authorization_error.value");
_Static_assert(sizeof(gh_result_void_string) == 12, "gh_result_void_string");
_Static_assert(offsetof(gh_result_void_string, value) == 4, "gh_result_void_string.value");
#endif

/* The names of exports. */

#define GH_ABI_CHECK_CHECK "guardhouse:auth/check@0.1.0#check"
#define GH_ABI_CHECK_CHECK_POST "cabi_post_guardhouse:auth/check@0.1.0#check"
#define GH_ABI_SETTINGS_SCHEMA "guardhouse:auth/settings@0.1.0#schema"
#define GH_ABI_SETTINGS_SCHEMA_POST "cabi_post_guardhouse:auth/settings@0.1.0#schema"
#define GH_ABI_SETTINGS_CONFIGURE "guardhouse:auth/settings@0.1.0#configure"
#define GH_ABI_SETTINGS_CONFIGURE_POST "cabi_post_guardhouse:auth/settings@0.1.0#configure"
#define GH_ABI_STEP_UP_MISSING_SCOPES "guardhouse:auth/step-up@0.1.0#missing-scopes"
#define GH_ABI_STEP_UP_MISSING_SCOPES_POST "cabi_post_guardhouse:auth/step-up@0.1.0#missing-scopes"
#define GH_ABI_REALLOC "cabi_realloc"

/* The imports. A string is a pointer and a length; a result is written to the last parameter. */

GH_ABI_IMPORT("guardhouse:auth/request@0.1.0", "claim")
void gh_abi_request_claim(const char *pointer, size_t pointer_length, gh_option_string *result);
GH_ABI_IMPORT("guardhouse:auth/request@0.1.0", "detail")
void gh_abi_request_detail(const char *pointer, size_t pointer_length, gh_option_string *result);
GH_ABI_IMPORT("guardhouse:auth/request@0.1.0", "argument")
void gh_abi_request_argument(const char *pointer, size_t pointer_length, gh_option_string *result);
GH_ABI_IMPORT("guardhouse:auth/request@0.1.0", "attribute")
void gh_abi_request_attribute(const char *pointer, size_t pointer_length, gh_option_string *result);
GH_ABI_IMPORT("guardhouse:auth/raw-token@0.1.0", "get")
void gh_abi_raw_token_get(gh_option_string *result);
GH_ABI_IMPORT("wasi:logging/logging@0.1.0-draft", "log")
void gh_abi_logging_log(int32_t level, const char *context, size_t context_length, const char *message, size_t message_length);

#endif
