/* The thin wrap of getaddrinfo and of the two address families. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shoal/error.h"

static int look_up(const char *host, uint16_t port, int flags, struct addresses *out,
                   const char **why)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    int failure = getaddrinfo(host, service, &hints, &list);
    if (failure != 0) {
        *why = gai_strerror(failure);
        return SHOAL_ECONNECT;
    }
    struct addresses found = {0};
    for (const struct addrinfo *item = list; item != NULL && found.count < ADDRESSES_MAX;
         item = item->ai_next) {
        if (item->ai_addrlen <= sizeof(struct sockaddr_storage)) {
            struct address *address = &found.items[found.count++];
            memcpy(&address->storage, item->ai_addr, item->ai_addrlen);
            address->len = item->ai_addrlen;
        }
    }
    freeaddrinfo(list);
    *out = found;
    return 0;
}

int address_parse(const char *host, uint16_t port, struct addresses *out)
{
    const char *why;
    return look_up(host, port, AI_NUMERICHOST, out, &why) == 0 ? 0 : SHOAL_EINVAL;
}

int address_look_up(const char *host, uint16_t port, struct addresses *out, const char **why)
{
    return look_up(host, port, AI_PASSIVE, out, why);
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&address->storage;
        ipv4->sin_port = htons(port);
    } else if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&address->storage;
        ipv6->sin6_port = htons(port);
    }
}

uint16_t address_port(const struct address *address)
{
    if (address->storage.ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)(const void *)&address->storage)->sin_port);
    }
    if (address->storage.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address->storage)->sin6_port);
    }
    return 0;
}

void address_text(const struct address *address, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *ipv4 =
            (const struct sockaddr_in *)(const void *)&address->storage;
        inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof(host));
        snprintf(out, size, "%s:%u", host, address_port(address));
    } else if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 =
            (const struct sockaddr_in6 *)(const void *)&address->storage;
        inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof(host));
        snprintf(out, size, "[%s]:%u", host, address_port(address));
    } else {
        snprintf(out, size, "?");
    }
}

void address_of_peer(int fd, char *out, size_t size)
{
    struct address address = {.len = sizeof(address.storage)};
    if (getpeername(fd, (struct sockaddr *)&address.storage, &address.len) != 0) {
        address.storage.ss_family = AF_UNSPEC;
    }
    address_text(&address, out, size);
}

bool address_is_loopback(const char *host)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, host, &ipv4) == 1) {
        return (ntohl(ipv4.s_addr) >> 24) == 127;
    }
    if (inet_pton(AF_INET6, host, &ipv6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&ipv6) ||
               (IN6_IS_ADDR_V4MAPPED(&ipv6) && ipv6.s6_addr[12] == 127);
    }
    return strcasecmp(host, "localhost") == 0;
}

bool address_is_every(const char *host)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, host, &ipv4) == 1) {
        return ipv4.s_addr == INADDR_ANY;
    }
    return inet_pton(AF_INET6, host, &ipv6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&ipv6);
}
