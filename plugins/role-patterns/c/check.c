/* Allows the components and actions that match a pattern of one of the caller's roles. */
#include "guardhouse.h"

/* The settings, as settings.schema.json describes them. */
static struct {
    gh_string claim;
    gh_json roles;
} settings;

static const unsigned char schema[] = {
#embed "settings.schema.json"
};

static bool configure(gh_json json) {
    settings.roles = gh_json_get(json, "/roles");
    return gh_json_string(gh_json_get(json, "/claim"), &settings.claim) || gh_invalid("`claim` must be a string");
}

/* The bytes from `from` up to `to`. */
static gh_string part(gh_string text, size_t from, size_t to) {
    return (gh_string){text.data + from, to - from};
}

/* The position of a byte at or after `from`; the length of the text if there is none. */
static size_t find(gh_string text, size_t from, char byte) {
    while (from < text.length && text.data[from] != byte)
        from++;
    return from;
}

/* The length of the character at a position in UTF-8. */
static size_t width(gh_string text, size_t at) {
    size_t end = at + 1;
    while (end < text.length && (text.data[end] & 0xC0) == 0x80)
        end++;
    return end - at;
}

/* Whether a pattern without alternatives matches. More stars do not make it slower. */
static bool glob_matches(gh_string glob, gh_string text) {
    /* Where the last `*` and the last `**` end in the pattern, and in the text so far. */
    struct {
        bool is_set;
        size_t at, done;
    } star = {0}, stars = {0};
    size_t at = 0, done = 0;
    for (;;) {
        char next = at < glob.length ? glob.data[at] : '\0';
        if (next == '*' && at + 1 < glob.length && glob.data[at + 1] == '*') {
            at += 2;
            stars.is_set = true, stars.at = at, stars.done = done;
            star.is_set = false;
        } else if (next == '*') {
            at++;
            star.is_set = true, star.at = at, star.done = done;
        } else if (at < glob.length && done < text.length && next == '?' && text.data[done] != '/') {
            at++;
            done += width(text, done);
        } else if (at < glob.length && done < text.length && next == text.data[done]) {
            at++;
            done++;
        } else if (at == glob.length && done == text.length) {
            return true;
        } else if (star.is_set && star.done < text.length && text.data[star.done] != '/') {
            star.done += width(text, star.done);
            at = star.at, done = star.done;
        } else if (stars.is_set && stars.done < text.length) {
            stars.done += width(text, stars.done);
            at = stars.at, done = stars.done;
            star.is_set = false;
        } else {
            return false;
        }
    }
}

/* Whether a pattern, which may have alternatives, matches the whole text. */
static bool matches(gh_string pattern, gh_string text) {
    size_t open = find(pattern, 0, '{'), close = find(pattern, open, '}');
    if (open == pattern.length)
        return glob_matches(pattern, text);
    for (size_t begin = open + 1, end; begin <= close; begin = end + 1) {
        end = find(part(pattern, 0, close), begin, ',');
        gh_string alternative = part(pattern, begin, end), after = part(pattern, close + 1, pattern.length);
        gh_string glob =
            gh_format("%.*s%.*s%.*s", GH_ARG(part(pattern, 0, open)), GH_ARG(alternative), GH_ARG(after));
        if (glob_matches(glob, text))
            return true;
    }
    return false;
}

static bool any_matches(gh_json rules, const gh_auth_context *ctx) {
    gh_json_walk rule = gh_json_begin(rules);
    while (gh_json_next(&rule)) {
        gh_string component, action;
        if (!gh_json_string(gh_json_get(rule.value, "/component"), &component))
            gh_fault("`component` is not a string");
        if (!gh_json_string(gh_json_get(rule.value, "/action"), &action))
            action = gh_text("**");
        size_t colon = find(component, 0, ':');
        if (matches(part(component, 0, colon), ctx->component.kind) &&
            matches(part(component, colon + 1, component.length), ctx->component.name) && matches(action, ctx->action))
            return true;
    }
    return false;
}

/* The rules of a role; absent if the settings do not have the role. */
static gh_json role_of(gh_string name) {
    gh_json_walk role = gh_json_begin(settings.roles);
    while (gh_json_next(&role))
        if (gh_string_equals(role.name, name))
            return role.value;
    return (gh_json){0};
}

static bool has_dots(gh_string name) {
    for (size_t begin = 0, end; begin <= name.length; begin = end + 1) {
        end = find(name, begin, '/');
        gh_string segment = part(name, begin, end);
        if (gh_string_equals(segment, ".") || gh_string_equals(segment, ".."))
            return true;
    }
    return false;
}

static gh_outcome check(const gh_auth_context *ctx) {
    gh_list_string names;
    /* `reports/` and two stars must not match `reports/../salaries`. */
    if (!gh_json_strings(gh_claim(ctx, settings.claim), &names) || has_dots(ctx->component.name))
        return GH_DENY;
    bool allowed = false;
    for (size_t i = 0; i < names.length; i++) {
        gh_json role = role_of(names.data[i]);
        if (any_matches(gh_json_get(role, "/deny"), ctx))
            return gh_deny("role `%.*s` must not use `%.*s:%.*s`", GH_ARG(names.data[i]), GH_ARG(ctx->component.kind),
                           GH_ARG(ctx->component.name));
        allowed = allowed || any_matches(gh_json_get(role, "/allow"), ctx);
    }
    return allowed ? GH_ALLOW : GH_DENY;
}

GH_EXPORT_CHECK(check);
GH_EXPORT_SETTINGS(schema, configure);
