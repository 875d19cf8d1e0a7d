#include "network.h"

#include <arpa/inet.h>

bool parse_address(gh_string text, address *read) {
    char copy[INET6_ADDRSTRLEN];
    if (text.length >= sizeof copy || memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    if (strchr(copy, ':') != NULL)
        return inet_pton(AF_INET6, copy, read->bytes) == 1;
    memcpy(read->bytes, (unsigned char[12]){[10] = 0xFF, [11] = 0xFF}, 12);
    return inet_pton(AF_INET, copy, read->bytes + 12) == 1;
}

bool parse_network(gh_string text, network *read) {
    const char *slash = memchr(text.data, '/', text.length);
    if (slash == NULL)
        return false;
    gh_string start = {text.data, (size_t)(slash - text.data)};
    read->bits = memchr(start.data, ':', start.length) == NULL ? 96 : 0;
    unsigned length = 0;
    for (const char *digit = slash + 1; digit < text.data + text.length && length <= 128; digit++)
        length = 10 * length + (unsigned)(*digit - '0');
    read->bits += length;
    return read->bits <= 128 && parse_address(start, &read->start);
}

bool is_within(const address *address, const network *network) {
    for (unsigned bit = 0; bit < network->bits; bit++) {
        unsigned char mask = 0x80 >> bit % 8;
        if ((address->bytes[bit / 8] & mask) != (network->start.bytes[bit / 8] & mask))
            return false;
    }
    return true;
}
