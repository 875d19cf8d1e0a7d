/* The functions of a plugin and the macros that export them, one for each interface. Included by guardhouse.h. */
#ifndef GUARDHOUSE_EXPORT_H
#define GUARDHOUSE_EXPORT_H

#include "guardhouse_abi.h"
#include "guardhouse_answer.h"
#include "guardhouse_json.h"

/** A check. Its outcome may depend only on its settings and the context: the next call may run in a new instance. */
typedef gh_outcome gh_check(const gh_auth_context *ctx);

/** Reads the settings. It returns false to reject them; see `gh_invalid`. */
typedef bool gh_configure(gh_json settings);

/** Returns the scopes that the token of `ctx` lacks: an empty list if no scope is missing, or without a token. */
typedef gh_list_string gh_step_up(const gh_auth_context *ctx);

/* A check that may end without `return` does not compile: its outcome would be undefined, and might be GH_ALLOW. */
#pragma GCC diagnostic error "-Wreturn-type"

/* The functions that the macros call. */

const gh_result_bool_authorization_error *gh_run_check(gh_check *check, const gh_auth_context *ctx);
const gh_result_void_string *gh_run_configure(gh_configure *configure, gh_string settings);
const gh_list_string *gh_run_step_up(gh_step_up *missing_scopes, const gh_auth_context *ctx);

/** Frees the memory of the current call. */
void gh_release(void);

/** Keeps the memory of the current call until the instance ends. */
void gh_keep(void);

/** Whether the plugin has settings. If it does, a call before `configure` is a fault. */
extern const bool gh_takes_settings;

#ifdef __wasm__

/** Exports a `gh_check`. Every plugin must export one. */
#define GH_EXPORT_CHECK(check)                                                                                 \
    GH_ABI_EXPORT(GH_ABI_CHECK_CHECK)                                                                          \
    const gh_result_bool_authorization_error *gh_export_check_check(const gh_auth_context *ctx) {              \
        return gh_run_check(check, ctx);                                                                       \
    }                                                                                                          \
    GH_ABI_EXPORT(GH_ABI_CHECK_CHECK_POST)                                                                     \
    void gh_export_check_check_post(const gh_result_bool_authorization_error *result) {                        \
        (void)result;                                                                                          \
        gh_release();                                                                                          \
    }                                                                                                          \
    _Static_assert(1, "GH_EXPORT_CHECK must end in a semicolon")

/**
 * Exports settings: their JSON Schema, an array of bytes, and the `gh_configure` that reads them.
 *
 *     static const unsigned char schema[] = {
 *     #embed "settings.schema.json"
 *     };
 *     GH_EXPORT_SETTINGS(schema, configure);
 */
#define GH_EXPORT_SETTINGS(schema, configure)                                                                  \
    const bool gh_takes_settings = true;                                                                       \
    GH_ABI_EXPORT(GH_ABI_SETTINGS_SCHEMA)                                                                      \
    const gh_string *gh_export_settings_schema(void) {                                                         \
        static const gh_string result = {(const char *)(schema), sizeof(schema)};                              \
        return &result;                                                                                        \
    }                                                                                                          \
    GH_ABI_EXPORT(GH_ABI_SETTINGS_CONFIGURE)                                                                   \
    const gh_result_void_string *gh_export_settings_configure(const char *settings, size_t length) {           \
        return gh_run_configure(configure, (gh_string){settings, length});                                     \
    }                                                                                                          \
    GH_ABI_EXPORT(GH_ABI_SETTINGS_CONFIGURE_POST)                                                              \
    void gh_export_settings_configure_post(const gh_result_void_string *result) {                              \
        (void)result;                                                                                          \
        gh_keep();                                                                                             \
    }                                                                                                          \
    _Static_assert(1, "GH_EXPORT_SETTINGS must end in a semicolon")

/**
 * Exports a `gh_step_up`. A plugin that exports it promises that missing scopes are the only reason why the check
 * returns `GH_DENY`.
 */
#define GH_EXPORT_STEP_UP(missing_scopes)                                                                      \
    GH_ABI_EXPORT(GH_ABI_STEP_UP_MISSING_SCOPES)                                                               \
    const gh_list_string *gh_export_step_up_missing_scopes(const gh_auth_context *ctx) {                       \
        return gh_run_step_up(missing_scopes, ctx);                                                            \
    }                                                                                                          \
    GH_ABI_EXPORT(GH_ABI_STEP_UP_MISSING_SCOPES_POST)                                                          \
    void gh_export_step_up_missing_scopes_post(const gh_list_string *result) {                                 \
        (void)result;                                                                                          \
        gh_release();                                                                                          \
    }                                                                                                          \
    _Static_assert(1, "GH_EXPORT_STEP_UP must end in a semicolon")

#else

/* A unit test exports nothing, but these macros check the same types. */

#define GH_EXPORT_CHECK(check) __attribute__((unused)) static gh_check *const gh_exported_check = check
#define GH_EXPORT_SETTINGS(schema, configure)                                                                  \
    const bool gh_takes_settings = true;                                                                       \
    _Static_assert(sizeof(schema) > 0, "the schema is empty");                                                 \
    __attribute__((unused)) static const void *const gh_exported_schema = schema;                              \
    __attribute__((unused)) static gh_configure *const gh_exported_configure = configure
#define GH_EXPORT_STEP_UP(missing_scopes) \
    __attribute__((unused)) static gh_step_up *const gh_exported_step_up = missing_scopes

#endif

#endif
