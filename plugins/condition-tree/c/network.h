/* IP addresses of 128 bits. An IPv4 address is the one that it has in IPv6. */
#ifndef NETWORK_H
#define NETWORK_H

#include "guardhouse.h"

typedef struct {
    unsigned char bytes[16];
} address;

typedef struct {
    address start;
    /* The length of the prefix. */
    unsigned bits;
} network;

/* Returns false if the text is not an address. */
bool parse_address(gh_string text, address *read);

/* Returns false if the text is not a network. The schema has made sure that it has digits after a slash. */
bool parse_network(gh_string text, network *read);

bool is_within(const address *address, const network *network);

#endif
