/* The functions of a plugin and the macros that export them, one for each interface. Included by guardhouse.h. */
#ifndef GUARDHOUSE_EXPORT_H
#define GUARDHOUSE_EXPORT_H

#include "guardhouse_abi.h"
#include "guardhouse_answer.h"
#include "guardhouse_json.h"

/** A check. It must depend on nothing but its settings and the context: the next call may find a new instance. */
typedef gh_outcome gh_check(const gh_auth_context *ctx);

/** Takes the settings. False refuses them; see `gh_invalid`. */
typedef bool gh_configure(gh_json settings);

/** Names the scopes that `ctx` lacks: none if it lacks none, and none without a token. */
typedef gh_list_string gh_step_up(const gh_auth_context *ctx);

/* A check that ends without an answer does not compile: a compiler may take any for it, also GH_ALLOW. */
#pragma GCC diagnostic error "-Wreturn-type"

/* What the macros call. */

const gh_result_bool_authorization_error *gh_run_check(gh_check *check, const gh_auth_context *ctx);
const gh_result_void_string *gh_run_configure(gh_configure *configure, gh_string settings);
const gh_list_string *gh_run_step_up(gh_step_up *missing_scopes, const gh_auth_context *ctx);

/** Releases the memory of this call. */
void gh_release(void);

/** Keeps the memory of this call for as long as the plugin lives. */
void gh_keep(void);

/** Whether the plugin takes settings: it answers nothing before it has them. */
extern const bool gh_takes_settings;

#ifdef __wasm__

/** Exports a `gh_check`. Every plugin has one. */
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
    _Static_assert(1, "GH_EXPORT_CHECK ends in a semicolon")

/**
 * Exports settings: their JSON Schema, an array of bytes, and the `gh_configure` that takes them.
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
    _Static_assert(1, "GH_EXPORT_SETTINGS ends in a semicolon")

/**
 * Exports a `gh_step_up`. To do so is to promise that scopes are the only reason for which the check answers
 * `GH_DENY`.
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
    _Static_assert(1, "GH_EXPORT_STEP_UP ends in a semicolon")

#else

/* In a unit test nothing is exported, and the types must fit all the same. */

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
