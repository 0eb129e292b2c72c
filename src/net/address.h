/* Host names and socket addresses: from a name to what can be connected or bound, and back to text.
 * Looking a name up may block for seconds, so only numbers are taken on a loop's thread; names that
 * are dialled go to the resolver (resolver.h) first. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESSES_MAX 8u

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

struct addresses {
    struct address items[ADDRESSES_MAX];
    uint32_t count;
};

/* An IPv4 or IPv6 address written as one: 0 or SHOAL_EINVAL. Never blocks. */
int address_parse(const char *host, uint16_t port, struct addresses *out);

/* Any name, to be bound; may block. 0, or SHOAL_ECONNECT with the resolver's explanation (static
 * text) in *why. */
int address_look_up(const char *host, uint16_t port, struct addresses *out, const char **why);

void address_set_port(struct address *address, uint16_t port);
uint16_t address_port(const struct address *address);

/* "127.0.0.1:3001", "[::1]:3001"; "?" when it is neither. */
void address_text(const struct address *address, char *out, size_t size);

/* Of the other side of a connected socket; "?" when it can't be told. */
void address_of_peer(int fd, char *out, size_t size);

/* True for 127.0.0.0/8, ::1, an IPv4 loopback address written as IPv6, and "localhost": nobody
 * outside the machine gets there. */
bool address_is_loopback(const char *host);

/* True for 0.0.0.0 and ::, which stand for every address of this machine and can't be dialled. */
bool address_is_every(const char *host);

#endif
