/* Allows tokens with every scope of the settings, up to a limit on one argument of the call. */
#include "guardhouse.h"

#include <inttypes.h>

static struct {
    gh_list_string scopes;
    gh_list_string suspended;
    bool has_limit;
    gh_string argument;
    int64_t max;
} settings;

static const unsigned char schema[] = {
#embed "settings.schema.json"
};

/* The host has validated the settings against the schema, so required members exist and have the right type. */
static bool configure(gh_json json) {
    settings.has_limit = !gh_json_is_absent(gh_json_get(json, "/limit"));
    if (!gh_json_strings(gh_json_get(json, "/scopes"), &settings.scopes))
        return gh_invalid("`scopes` must be a list of strings");
    gh_json suspended = gh_json_get(json, "/suspended");
    if (!gh_json_strings(suspended, &settings.suspended) && !gh_json_is_absent(suspended))
        return gh_invalid("`suspended` must be a list of strings");
    if (settings.has_limit && (!gh_json_string(gh_json_get(json, "/limit/argument"), &settings.argument) ||
                               !gh_json_integer(gh_json_get(json, "/limit/max"), &settings.max)))
        return gh_invalid("`limit` must have a string `argument` and an integer `max`");
    return true;
}

static bool is_suspended(gh_string client_id) {
    for (size_t i = 0; i < settings.suspended.length; i++)
        if (gh_string_equals(settings.suspended.data[i], client_id))
            return true;
    return false;
}

static gh_outcome check(const gh_auth_context *ctx) {
    const gh_access_token *token = gh_token(ctx);
    if (token == NULL)
        return GH_DENY;
    if (is_suspended(token->client_id))
        return gh_deny("client `%.*s` is suspended", GH_ARG(token->client_id));
    if (!gh_has_scopes(token, settings.scopes))
        return GH_DENY;
    if (!settings.has_limit || gh_string_ends_with(ctx->action, "/list"))
        return GH_ALLOW;

    double amount;
    if (!gh_json_number(gh_argument(ctx, settings.argument), &amount) || amount > (double)settings.max)
        return gh_deny("argument `%.*s` must be a number of at most %" PRId64, GH_ARG(settings.argument), settings.max);
    return GH_ALLOW;
}

/* Missing scopes are the only reason to deny a token without a message, so the plugin can name them. */
static gh_list_string missing_scopes(const gh_auth_context *ctx) {
    return gh_missing_scopes(gh_token(ctx), settings.scopes);
}

GH_EXPORT_CHECK(check);
GH_EXPORT_SETTINGS(schema, configure);
GH_EXPORT_STEP_UP(missing_scopes);
