/* The defaults and bounds of a client, and the taking apart of its list of hosts. A value of 0 in
 * the config always means the default, so that a zeroed config is a good one. */
#include "client/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "shoal/error.h"

#define NAME_DEFAULT "libshoal"
#define TIMEOUT_MS_DEFAULT 5000u
#define CONNECT_TIMEOUT_MS_DEFAULT 2000u
#define REFRESH_MS_DEFAULT 10000u
#define DURATION_MS_MAX (UINT64_C(365) * 24 * 3600 * 1000)
#define IN_FLIGHT_DEFAULT 256u
#define WAITING_DEFAULT 65536u
#define WAITING_BYTES_DEFAULT (256u * (size_t)LIMIT_MIB)
#define HOST_TEXT_BYTES (LIMIT_NAME_BYTES + sizeof("[]:65535"))

static uint64_t duration_us(uint64_t given_ms, uint64_t default_ms)
{
    uint64_t ms = given_ms == 0 ? default_ms : given_ms;
    return (ms < DURATION_MS_MAX ? ms : DURATION_MS_MAX) * 1000;
}

static int host_add(struct settings *settings, const char *text, size_t len, uint16_t port)
{
    char host[HOST_TEXT_BYTES + 1];
    if (len == 0 || len >= sizeof(host) || settings->host_count == SETTINGS_HOSTS_MAX) {
        return SHOAL_EINVAL;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    struct settings_host *slot = &settings->hosts[settings->host_count];
    int error = text_parse_address(host, port, slot->name, &slot->port);
    if (error == 0) {
        settings->host_count++;
    }
    return error;
}

static int hosts_parse(struct settings *settings, const char *list, uint16_t port)
{
    const char *at = list;
    for (;;) {
        const char *end = strchrnul(at, ',');
        int error = host_add(settings, at, (size_t)(end - at), port);
        if (error != 0 || *end == '\0') {
            return error;
        }
        at = end + 1;
    }
}

static const char *numbers_wrong(const struct shoal_config *config)
{
    if (config->connections > SETTINGS_CONNECTIONS_MAX) {
        return "connections: at most 1024 to each node";
    }
    if (config->in_flight_max > LIMIT_REQUESTS_PER_CONNECTION) {
        return "in_flight_max: at most 4096 on each connection";
    }
    if (config->routing != SHOAL_ROUTE_OWNERS && config->routing != SHOAL_ROUTE_GIVEN) {
        return "routing: none of enum shoal_routing";
    }
    if (config->name != NULL && strlen(config->name) > LIMIT_NAME_BYTES) {
        return "name: at most 255 bytes";
    }
    return NULL;
}

int settings_init(struct settings *settings, const struct shoal_config *config, const char **why)
{
    static const struct shoal_config defaults = {0};
    if (config == NULL) {
        config = &defaults;
    }
    const char *wrong = numbers_wrong(config);
    if (wrong != NULL) {
        *why = wrong;
        return SHOAL_EINVAL;
    }
    struct settings made = {
        .routing = config->routing,
        .timeout_us = duration_us(config->timeout_ms, TIMEOUT_MS_DEFAULT),
        .connect_timeout_us = duration_us(config->connect_timeout_ms, CONNECT_TIMEOUT_MS_DEFAULT),
        .refresh_us = duration_us(config->refresh_ms, REFRESH_MS_DEFAULT),
        .connections = config->connections == 0 ? 1 : config->connections,
        .in_flight_max = config->in_flight_max == 0 ? IN_FLIGHT_DEFAULT : config->in_flight_max,
        .waiting_max = config->waiting_max == 0 ? WAITING_DEFAULT : config->waiting_max,
        .waiting_bytes_max =
            config->waiting_bytes_max == 0 ? WAITING_BYTES_DEFAULT : config->waiting_bytes_max,
    };
    (void)snprintf(made.name, sizeof(made.name), "%s",
                   config->name == NULL ? NAME_DEFAULT : config->name);
    made.hosts = mem_alloc_zeroed(SETTINGS_HOSTS_MAX, sizeof(*made.hosts));
    if (made.hosts == NULL) {
        return SHOAL_ENOMEM;
    }
    const char *list = config->hosts == NULL ? SETTINGS_HOST_DEFAULT : config->hosts;
    if (hosts_parse(&made, list, config->port == 0 ? SETTINGS_PORT_DEFAULT : config->port) != 0) {
        mem_free(made.hosts);
        *why = "hosts: give HOST:PORT or [v6]:PORT, up to 64 of them with commas between";
        return SHOAL_EINVAL;
    }
    *settings = made;
    return 0;
}

void settings_deinit(struct settings *settings)
{
    mem_free(settings->hosts);
    *settings = (struct settings){0};
}
