/* Calls the functions of the plugin for the host. Part of guardhouse.c. */
#ifndef GUARDHOUSE_RUN_C
#define GUARDHOUSE_RUN_C

#include "guardhouse_answer.c"
#include "guardhouse_json.c"
#include "guardhouse_libc.c"

/** Whether `configure` has accepted the settings. */
static bool gh_is_configured;

__attribute__((weak)) const bool gh_takes_settings = false;

/** Prepares a call of a function of the plugin with `ctx`. */
static void gh_begin(const gh_auth_context *ctx) {
    if (gh_takes_settings && !gh_is_configured)
        gh_fault_text(gh_text("the plugin was called before it was configured"));
    gh_now = ctx->now;
    gh_is_denial = false;
}

/** Ends the call in a fault because of an invalid outcome. It formats the number itself: `printf` would add 20 KB. */
static _Noreturn void gh_fault_outcome(unsigned outcome) {
    static char message[] = "the check returned neither GH_ALLOW nor GH_DENY nor gh_deny(…), but 4294967295";
    size_t length = sizeof message - sizeof "4294967295";
    unsigned place = 1000000000;
    while (place > 1 && outcome / place == 0)
        place /= 10;
    for (; place > 0; place /= 10)
        message[length++] = (char)('0' + outcome / place % 10);
    gh_fault_text((gh_string){message, length});
}

const gh_result_bool_authorization_error *gh_run_check(gh_check *check, const gh_auth_context *ctx) {
    static gh_result_bool_authorization_error result;
    gh_begin(ctx);
    gh_outcome outcome = check(ctx);
    gh_flush();
    switch (outcome) {
    case GH_ALLOW:
    case GH_DENY:
        result.is_err = false;
        result.value.ok = outcome == GH_ALLOW;
        return &result;
    case GH_DENY_WITH_MESSAGE:
        if (!gh_is_denial)
            gh_fault_text(gh_text("the check returned GH_DENY_WITH_MESSAGE without calling gh_deny"));
        result.is_err = true;
        result.value.err.message = gh_last_message;
        return &result;
    }
    gh_fault_outcome((unsigned)outcome);
}

const gh_result_void_string *gh_run_configure(gh_configure *configure, gh_string settings) {
    static gh_result_void_string result;
    gh_last_message = gh_text("`configure` rejected the settings");
    gh_json value = gh_json_view(settings);
    if (gh_json_is_absent(value))
        gh_last_message = gh_text("the settings are not JSON");
    gh_is_configured = !gh_json_is_absent(value) && configure(value);
    result.is_err = !gh_is_configured;
    result.value.err = gh_last_message;
    gh_flush();
    return &result;
}

const gh_list_string *gh_run_step_up(gh_step_up *missing_scopes, const gh_auth_context *ctx) {
    static gh_list_string result;
    gh_begin(ctx);
    result = missing_scopes(ctx);
    gh_flush();
    return &result;
}

#endif
