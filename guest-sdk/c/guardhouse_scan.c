/* The scanner of JSON text. Part of guardhouse.c. */
#ifndef GUARDHOUSE_SCAN_C
#define GUARDHOUSE_SCAN_C

#include "guardhouse_json.h"

/*
 * Each function skips one construct that starts at `at` and returns its end, or NULL if the text is something else. It
 * never reads at or beyond `end`.
 */

static const char *gh_scan_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

static const char *gh_scan_word(const char *at, const char *end, const char *word) {
    size_t length = strlen(word);
    return (size_t)(end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

static const char *gh_scan_digits(const char *at, const char *end) {
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at > start ? at : NULL;
}

static const char *gh_scan_number(const char *at, const char *end) {
    if (at < end && *at == '-')
        at++;
    bool is_zero_first = at < end && *at == '0';
    at = is_zero_first ? at + 1 : gh_scan_digits(at, end);
    if (at != NULL && at < end && *at == '.')
        at = gh_scan_digits(at + 1, end);
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = gh_scan_digits(at, end);
    }
    return at;
}

/** Reads the four digits of a `\u` escape. */
static const char *gh_scan_unit(const char *at, const char *end, uint32_t *unit) {
    *unit = 0;
    if (end - at < 4)
        return NULL;
    for (int i = 0; i < 4; i++) {
        char digit = at[i];
        uint32_t value;
        if (digit >= '0' && digit <= '9')
            value = (uint32_t)(digit - '0');
        else if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
            value = (uint32_t)((digit | 32) - 'a' + 10);
        else
            return NULL;
        *unit = *unit << 4 | value;
    }
    return at + 4;
}

/** Writes a code point in UTF-8 and returns its length. */
static size_t gh_encode(uint32_t point, char *utf8) {
    if (point < 0x80) {
        utf8[0] = (char)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, point >>= 6)
        utf8[i] = (char)(0x80 | (point & 0x3f));
    utf8[0] = (char)((0xf00 >> length & 0xff) | point);
    return length;
}

/** Skips one byte or one escape of a string, and writes the byte, or the UTF-8 of the escape, to `utf8`. */
static const char *gh_scan_character(const char *at, const char *end, char utf8[4], size_t *length) {
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    *length = 1;
    if (at >= end || (unsigned char)*at < 0x20)
        return NULL;
    if (*at != '\\') {
        utf8[0] = *at;
        return at + 1;
    }
    if (++at >= end)
        return NULL;
    if (*at != 'u') {
        for (const char *escape = escapes; *escape != '\0'; escape += 2)
            if (*escape == *at) {
                utf8[0] = escape[1];
                return at + 1;
            }
        return NULL;
    }
    uint32_t point;
    at = gh_scan_unit(at + 1, end, &point);
    if (at != NULL && point >= 0xd800 && point < 0xe000) { /* a surrogate: the first of two, or an error */
        uint32_t second;
        at = point < 0xdc00 ? gh_scan_word(at, end, "\\u") : NULL;
        at = at != NULL ? gh_scan_unit(at, end, &second) : NULL;
        if (at == NULL || second < 0xdc00 || second >= 0xe000)
            return NULL;
        point = 0x10000 + ((point - 0xd800) << 10) + (second - 0xdc00);
    }
    *length = gh_encode(point, utf8);
    return at;
}

static const char *gh_scan_string(const char *at, const char *end) {
    char utf8[4];
    size_t length;
    if (at >= end || *at != '"')
        return NULL;
    for (at++; at != NULL && at < end && *at != '"';)
        at = (unsigned char)*at >= 0x20 && *at != '\\' ? at + 1 : gh_scan_character(at, end, utf8, &length);
    return at != NULL && at < end ? at + 1 : NULL;
}

/** Skips a member's name and colon, up to its value. */
static const char *gh_scan_name(const char *at, const char *end) {
    at = gh_scan_string(at, end);
    at = at != NULL ? gh_scan_space(at, end) : NULL;
    return at != NULL && at < end && *at == ':' ? gh_scan_space(at + 1, end) : NULL;
}

/** Skips a value with at most `depth` levels of nested arrays and objects. */
static const char *gh_scan_value(const char *at, const char *end, int depth) {
    if (at >= end)
        return NULL;
    switch (*at) {
    case 'n':
        return gh_scan_word(at, end, "null");
    case 't':
        return gh_scan_word(at, end, "true");
    case 'f':
        return gh_scan_word(at, end, "false");
    case '"':
        return gh_scan_string(at, end);
    case '[':
    case '{':
        break;
    default:
        return gh_scan_number(at, end);
    }
    if (depth == 0)
        return NULL;
    bool in_object = *at == '{';
    char close = in_object ? '}' : ']';
    at = gh_scan_space(at + 1, end);
    if (at < end && *at == close)
        return at + 1;
    for (;;) {
        at = in_object ? gh_scan_name(at, end) : at;
        at = at != NULL ? gh_scan_value(at, end, depth - 1) : NULL;
        at = at != NULL ? gh_scan_space(at, end) : NULL;
        if (at == NULL || at >= end || (*at != ',' && *at != close))
            return NULL;
        if (*at++ == close)
            return at;
        at = gh_scan_space(at, end);
    }
}

#endif
