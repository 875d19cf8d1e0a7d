/* Allows the requests for which a tree of conditions is true. */
#include "guardhouse.h"

#include <math.h>

#include "network.h"

/* A logic of three values, in which the lesser is "and", and the greater is "or". */
typedef enum { FALSE, MISSING, TRUE } truth;

/* The settings, as settings.schema.json describes them. The schema bounds the depth of the tree. */
static gh_json settings;

static const unsigned char schema[] = {
#embed "settings.schema.json"
};

static truth evaluate(gh_json condition, const gh_auth_context *ctx);

/* The text at a pointer. The host has validated the settings against the schema, so it exists. */
static gh_string text(gh_json value, const char *pointer) {
    gh_string read;
    if (!gh_json_string(gh_json_get(value, pointer), &read))
        gh_fault("`%s` is not text", pointer);
    return read;
}

static truth all_of(gh_json conditions, const gh_auth_context *ctx) {
    truth answer = TRUE;
    gh_json_walk walk = gh_json_begin(conditions);
    while (answer != FALSE && gh_json_next(&walk)) {
        truth each = evaluate(walk.value, ctx);
        answer = each < answer ? each : answer;
    }
    return answer;
}

static truth any_of(gh_json conditions, const gh_auth_context *ctx) {
    truth answer = FALSE;
    gh_json_walk walk = gh_json_begin(conditions);
    while (answer != TRUE && gh_json_next(&walk)) {
        truth each = evaluate(walk.value, ctx);
        answer = each > answer ? each : answer;
    }
    return answer;
}

static truth compare(gh_json comparison, gh_json argument) {
    static const int64_t exact = INT64_C(1) << 53;
    double value, number;
    int64_t integer;
    if (!gh_json_number(gh_json_get(comparison, "/number"), &number))
        gh_fault("`number` is not a number");
    if (!gh_json_number(argument, &value))
        return MISSING;
    /* A double may be another number. A request with one is a fault in all languages. */
    if (fabs(value) > exact || (gh_json_integer(argument, &integer) && (integer > exact || integer < -exact)))
        gh_fault("%.*s is beyond 2^53", GH_ARG(argument.text));
    gh_string is = text(comparison, "/is");
    if (gh_string_equals(is, "<"))
        return value < number ? TRUE : FALSE;
    if (gh_string_equals(is, "<="))
        return value <= number ? TRUE : FALSE;
    if (gh_string_equals(is, "="))
        return value == number ? TRUE : FALSE;
    if (gh_string_equals(is, ">="))
        return value >= number ? TRUE : FALSE;
    return value > number ? TRUE : FALSE;
}

static truth equals(gh_json claim, gh_string wanted) {
    gh_string read;
    if (!gh_json_string(claim, &read))
        return MISSING;
    return gh_string_equals(read, wanted) ? TRUE : FALSE;
}

static truth contains(gh_json claim, gh_string wanted) {
    gh_list_string texts;
    if (!gh_json_strings(claim, &texts))
        return MISSING;
    for (size_t i = 0; i < texts.length; i++)
        if (gh_string_equals(texts.data[i], wanted))
            return TRUE;
    return FALSE;
}

static truth is_in_network(gh_json attribute, gh_json networks) {
    gh_string read;
    address address;
    if (!gh_json_string(attribute, &read) || !parse_address(read, &address))
        return MISSING;
    gh_json_walk walk = gh_json_begin(networks);
    while (gh_json_next(&walk)) {
        network network;
        if (!parse_network(text(walk.value, ""), &network))
            gh_fault("a text is not a network");
        if (is_within(&address, &network))
            return TRUE;
    }
    return FALSE;
}

static truth evaluate(gh_json condition, const gh_auth_context *ctx) {
    gh_json_walk member = gh_json_begin(condition);
    if (!gh_json_next(&member))
        gh_fault("a condition without a member");
    gh_json operand = member.value;
    if (gh_string_equals(member.name, "all"))
        return all_of(operand, ctx);
    if (gh_string_equals(member.name, "any"))
        return any_of(operand, ctx);
    if (gh_string_equals(member.name, "none"))
        return TRUE - any_of(operand, ctx);
    if (gh_string_equals(member.name, "compare"))
        return compare(operand, gh_argument(ctx, text(operand, "/argument")));
    if (gh_string_equals(member.name, "equals"))
        return equals(gh_claim(ctx, text(operand, "/claim")), text(operand, "/text"));
    if (gh_string_equals(member.name, "contains"))
        return contains(gh_claim(ctx, text(operand, "/claim")), text(operand, "/text"));
    if (gh_string_equals(member.name, "network"))
        return is_in_network(gh_attribute(ctx, text(operand, "/attribute")), gh_json_get(operand, "/in"));
    gh_fault("unknown condition `%.*s`", GH_ARG(member.name));
}

static gh_outcome check(const gh_auth_context *ctx) {
    switch (evaluate(gh_json_get(settings, "/condition"), ctx)) {
    case TRUE:
        return GH_ALLOW;
    case FALSE:
        return GH_DENY;
    case MISSING:
        return gh_deny("an input of the policy is missing or has another type");
    }
    gh_fault("not a value of the logic");
}

/* Rejects what the schema cannot: texts that are not networks. */
static bool has_valid_networks(gh_json condition) {
    gh_json_walk member = gh_json_begin(condition);
    while (gh_json_next(&member)) {
        bool is_network = gh_string_equals(member.name, "network");
        /* Only `network` has a member `in`, and only `all`, `any` and `none` are lists. */
        gh_json_walk walk = gh_json_begin(is_network ? gh_json_get(member.value, "/in") : member.value);
        while (gh_json_next(&walk)) {
            network network;
            if (is_network && !parse_network(text(walk.value, ""), &network))
                return gh_invalid("`%.*s` is not a network", GH_ARG(text(walk.value, "")));
            if (!is_network && !has_valid_networks(walk.value))
                return false;
        }
    }
    return true;
}

static bool configure(gh_json json) {
    settings = json;
    return has_valid_networks(gh_json_get(json, "/condition"));
}

GH_EXPORT_CHECK(check);
GH_EXPORT_SETTINGS(schema, configure);
