/**
 * Contexts for a plugin's unit tests. They run natively, without a host, and need guardhouse_testing.c.
 *
 *     const gh_auth_context *ctx =
 *         gh_test_context(.scopes = GH_TEST_LIST("pay"), .arguments = GH_TEST_JSON({"amount": 250}));
 *     assert(check(ctx) == GH_ALLOW);
 */
#ifndef GUARDHOUSE_TESTING_H
#define GUARDHOUSE_TESTING_H

#include "guardhouse.h"

/** One request. Each comment ends with the default of its field. Texts are C strings. */
typedef struct gh_test_request {
    /** The component's kind; `tool`. */
    const char *kind;
    /** The component's name; `component`. */
    const char *name;
    /** The component's URI; none. */
    const char *uri;
    /** The component's version; none. */
    const char *version;
    /** The component's tags, as `GH_TEST_LIST` makes them; none. */
    const char *const *tags;
    /** The action; `tools/call`, `resources/read` or `prompts/get`, depending on the kind, and otherwise empty. */
    const char *action;
    /** The time, in seconds since the Unix epoch; 0. */
    int64_t now;

    /** Whether the request has a token; false, but true if any of the fields from `client_id` to `raw_token` is set. */
    bool token;
    /** The token's client; `client`. */
    const char *client_id;
    /** The token's subject; none. */
    const char *subject;
    /** The token's scopes, as `GH_TEST_LIST` makes them; none. */
    const char *const *scopes;
    /** The token's expiry, as `{true, seconds}`; none. */
    gh_option_s64 expires_at;
    /** The resource that the token was issued for; none. */
    const char *resource_indicator;
    /** All claims of the token, as a JSON object; `{}`. */
    const char *claims;
    /** The bearer secret; none. */
    const char *raw_token;

    /** All arguments of the call, as a JSON object; absent. */
    const char *arguments;
    /** All details of the component, as a JSON object; `{}`. */
    const char *details;
    /** All attributes of the request, as a JSON object; `{}`. */
    const char *attributes;
} gh_test_request;

/** Makes a context from fields of `gh_test_request`: `gh_test_context(.kind = "prompt", .token = true)`. */
#define gh_test_context(...) gh_test_context_of(&(const gh_test_request){__VA_ARGS__})

/** Makes a context from a request. It lasts until `gh_release`; the texts of the request must last as long. */
const gh_auth_context *gh_test_context_of(const gh_test_request *request);

/** Makes a list of C strings. */
#define GH_TEST_LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/** Turns JSON that is written without quotes into a C string: `GH_TEST_JSON({"amount": 250})`. */
#define GH_TEST_JSON(...) #__VA_ARGS__

/** Whether `outcome` is a denial with the message `message`. */
bool gh_test_denies(gh_outcome outcome, gh_string message);
#define gh_test_denies(outcome, message) gh_test_denies(outcome, gh_text(message))

/** Whether a check ends in a fault. `gh_test_message` returns the fault's message for the operator. */
bool gh_test_faults(gh_check *check, const gh_auth_context *ctx);

/** Calls `configure` with JSON text. If it rejects the settings, `gh_test_message` returns the reason. */
bool gh_test_configure(gh_configure *configure, gh_string settings);
#define gh_test_configure(configure, settings) gh_test_configure(configure, gh_text(settings))

/** The message of the last denial, rejection of settings, or fault. */
gh_string gh_test_message(void);

#endif
