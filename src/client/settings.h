/* A client's config made definite: defaults filled in, bounds checked, the list of hosts taken
 * apart. Pure; everything after it works with these numbers and never looks at the config again. */
#ifndef CLIENT_SETTINGS_H
#define CLIENT_SETTINGS_H

#include "base/limits.h"
#include "shoal/client.h"

#define SETTINGS_HOSTS_MAX 64u
#define SETTINGS_CONNECTIONS_MAX 1024u
#define SETTINGS_PORT_DEFAULT 3001u
#define SETTINGS_HOST_DEFAULT "127.0.0.1"

struct settings_host {
    char name[LIMIT_NAME_BYTES + 1];
    uint16_t port;
};

struct settings {
    struct settings_host *hosts;
    uint32_t host_count; /* at least one */
    enum shoal_routing routing;
    char name[LIMIT_NAME_BYTES + 1];
    uint64_t timeout_us;
    uint64_t connect_timeout_us;
    uint64_t refresh_us;
    uint32_t connections;   /* to each node */
    uint32_t in_flight_max; /* on one connection */
    uint32_t waiting_max;
    size_t waiting_bytes_max;
};

/* `config` may be NULL. 0, SHOAL_ENOMEM, or SHOAL_EINVAL with *why (static text) saying what makes
 * no sense. */
int settings_init(struct settings *settings, const struct shoal_config *config, const char **why);
void settings_deinit(struct settings *settings);

#endif
