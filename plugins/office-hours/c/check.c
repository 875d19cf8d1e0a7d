/* Allows requests within office hours, by the clock and the calendar of one place. */
#include "guardhouse.h"

#include <time.h>

/* The settings, as settings.schema.json describes them. All times are compared as text. */
static gh_json settings;

static const unsigned char schema[] = {
#embed "settings.schema.json"
};

/* The text at a pointer. The host has validated the settings against the schema, so it exists. */
static gh_string text(gh_json value, const char *pointer) {
    gh_string read;
    if (!gh_json_string(gh_json_get(value, pointer), &read))
        gh_fault("`%s` is not text", pointer);
    return read;
}

static bool is_before(gh_string text, gh_string other) {
    size_t length = text.length < other.length ? text.length : other.length;
    int order = memcmp(text.data, other.data, length);
    return order < 0 || (order == 0 && text.length < other.length);
}

static bool contains(gh_json list, gh_string wanted) {
    gh_json_walk walk = gh_json_begin(list);
    while (gh_json_next(&walk))
        if (gh_string_equals(text(walk.value, ""), wanted))
            return true;
    return false;
}

/* Rejects what the schema cannot: times in the wrong order. */
static bool is_ordered(gh_json spans, const char *begin, const char *end) {
    gh_json_walk walk = gh_json_begin(spans);
    while (gh_json_next(&walk))
        if (!is_before(text(walk.value, begin), text(walk.value, end)))
            return gh_invalid("%.*s is not before %.*s", GH_ARG(text(walk.value, begin)), GH_ARG(text(walk.value, end)));
    return true;
}

static bool configure(gh_json json) {
    settings = json;
    return is_ordered(gh_json_get(json, "/hours"), "/opens", "/closes") &&
           is_ordered(gh_json_get(json, "/daylight"), "/starts", "/ends");
}

/* A time in UTC, in the words of `strftime`. */
static gh_string show(int64_t seconds, const char *format) {
    enum { SIZE = 32 };
    char *shown = gh_alloc(SIZE);
    const struct tm *utc = gmtime(&(time_t){seconds});
    if (utc == NULL)
        gh_fault("%lld is not a time", (long long)seconds);
    return (gh_string){shown, strftime(shown, SIZE, format, utc)};
}

/* What the clock on the wall shows, as a time in UTC. */
static int64_t local(int64_t seconds) {
    gh_string utc = show(seconds, "%Y-%m-%dT%H:%MZ");
    gh_json offset = gh_json_get(settings, "/offset");
    gh_json_walk period = gh_json_begin(gh_json_get(settings, "/daylight"));
    while (gh_json_next(&period))
        if (!is_before(utc, text(period.value, "/starts")) && is_before(utc, text(period.value, "/ends")))
            offset = gh_json_get(period.value, "/offset");
    int64_t minutes;
    if (!gh_json_integer(offset, &minutes))
        gh_fault("`offset` is not an integer");
    return seconds + 60 * minutes;
}

static bool covers(int64_t day) {
    gh_string date = show(day, "%Y-%m-%d");
    return !is_before(date, text(settings, "/calendar/first")) && !is_before(text(settings, "/calendar/last"), date);
}

/* Moves to the next hours of a day. A holiday has none. */
static bool next_hours(gh_json_walk *hours, int64_t day) {
    static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    if (!covers(day) || contains(gh_json_get(settings, "/holidays"), show(day, "%Y-%m-%d")))
        return false;
    gh_string weekday = gh_text(days[show(day, "%w").data[0] - '0']);
    while (gh_json_next(hours))
        if (contains(gh_json_get(hours->value, "/days"), weekday))
            return true;
    return false;
}

static gh_outcome check(const gh_auth_context *ctx) {
    int64_t day = local(ctx->now);
    gh_string now = show(day, "%H:%M");
    /* The first hours that begin after `now`: today, or on one of the 366 days that follow. */
    for (int ahead = 0; ahead <= 366; ahead++, day += 86400, now = gh_text("")) {
        gh_string first = gh_text("");
        gh_json_walk hours = gh_json_begin(gh_json_get(settings, "/hours"));
        while (next_hours(&hours, day)) {
            gh_string opens = text(hours.value, "/opens");
            if (ahead == 0 && !is_before(now, opens) && is_before(now, text(hours.value, "/closes")))
                return GH_ALLOW;
            if (is_before(now, opens) && (first.length == 0 || is_before(opens, first)))
                first = opens;
        }
        if (first.length > 0)
            return gh_deny("the office is closed until %.*s %.*s (%.*s)", GH_ARG(show(day, "%Y-%m-%d")), GH_ARG(first),
                           GH_ARG(text(settings, "/zone")));
        if (!covers(day))
            break;
    }
    return gh_deny("the office is closed; its calendar covers %.*s to %.*s",
                   GH_ARG(text(settings, "/calendar/first")), GH_ARG(text(settings, "/calendar/last")));
}

GH_EXPORT_CHECK(check);
GH_EXPORT_SETTINGS(schema, configure);
