/* What no key can tell alone: values that are right by themselves and wrong together, or that ask
 * for what this version doesn't have. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "net/address.h"
#include "server/config_load.h"
#include "server/storage.h"

#define DNS_PORT 53u

static void problem_with(struct config_load *load, const char *section, const char *name,
                         const char *text)
{
    const struct config_key *key = config_key_find(section, name);
    char path[64];
    config_key_path(key, path);
    config_problem(load, key, load->lines[key - config_keys], "%s %s", path, text);
}

/* Keys that have no meaning with the chosen engine or durability are taken all the same: one
 * variable or line chooses another engine, without taking the file apart. */
static void check_storage(struct config_load *load)
{
    if (load->config.engine == ENGINE_LSM && !storage_has_lsm()) {
        problem_with(load, "storage", "engine",
                     "is \"lsm\", which this build has not: build it where RocksDB's development "
                     "files are installed, or use \"log\"");
    }
}

static void check_quorum(struct config_load *load)
{
    const struct config *config = &load->config;
    char text[160];
    if (config->r > config->n) {
        snprintf(text, sizeof(text), "is %llu, more than quorum.n = %llu: %s",
                 (unsigned long long)config->r, (unsigned long long)config->n,
                 "a read can't be answered by more owners than there are");
        problem_with(load, "quorum", "r", text);
    }
    if (config->w > config->n) {
        snprintf(text, sizeof(text), "is %llu, more than quorum.n = %llu: %s",
                 (unsigned long long)config->w, (unsigned long long)config->n,
                 "a write can't be confirmed by more owners than there are");
        problem_with(load, "quorum", "w", text);
    }
}

static void check_peers(struct config_load *load)
{
    const struct config *config = &load->config;
    bool alone = config->peer_port == CONFIG_PORT_NONE;
    if (alone && config->n > 1) {
        char text[160];
        snprintf(text, sizeof(text),
                 "is missing: quorum.n = %llu needs other nodes (for a node alone set quorum.n, r "
                 "and w to 1)",
                 (unsigned long long)config->n);
        problem_with(load, "listen", "peer_port", text);
    }
    if (alone && config->seeds.count > 0) {
        problem_with(load, "listen", "peer_port", "is missing: cluster.seeds are other nodes");
    }
    if (!alone && config->advertise_host[0] == 0) {
        problem_with(load, "advertise", "host",
                     "is missing: listen.host is every address of this machine, so say by which "
                     "one others reach it");
    }
}

/* A host with its port, brackets or blanks would be looked up as it stands, and never found. */
static void check_host(struct config_load *load, const char *section, const char *host)
{
    if (host[0] != 0 && !text_is_host(host)) {
        char text[LIMIT_NAME_BYTES + 160];
        snprintf(text, sizeof(text),
                 "is \"%s\": expected is a name or an address alone, without port or brackets",
                 host);
        problem_with(load, section, "host", text);
    }
}

static void check_hosts(struct config_load *load)
{
    const struct config *config = &load->config;
    check_host(load, "listen", config->listen_host);
    if (strcmp(config->advertise_host, config->listen_host) != 0) {
        check_host(load, "advertise", config->advertise_host);
    }
    if (address_is_every(config->advertise_host)) {
        problem_with(load, "advertise", "host",
                     "is every address of this machine: say by which one others reach it");
    }
}

static void check_resolver(struct config_load *load)
{
    const struct config *config = &load->config;
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;
    struct addresses addresses;
    if (config->resolver[0] != 0 &&
        (text_parse_address(config->resolver, DNS_PORT, host, &port) != 0 ||
         address_parse(host, port, &addresses) != 0)) {
        char text[CONFIG_RESOLVER_BYTES + 160];
        snprintf(text, sizeof(text),
                 "is \"%s\": expected is the address of a name server, such as 10.0.0.2, "
                 "10.0.0.2:53 or [fd00::2]:53",
                 config->resolver);
        problem_with(load, "cluster", "resolver", text);
    }
}

static void check_advertised_ports(struct config_load *load)
{
    const struct config *config = &load->config;
    const struct {
        const char *name;
        int32_t listened;
        int32_t advertised;
    } ports[] = {
        {"client_port", config->client_port, config->advertise_client_port},
        {"peer_port", config->peer_port, config->advertise_peer_port},
        {"redis_port", config->redis_port, config->advertise_redis_port},
        {"http_port", config->http_port, config->advertise_http_port},
    };
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (ports[i].advertised != CONFIG_PORT_NONE && ports[i].listened == CONFIG_PORT_NONE) {
            char text[96];
            snprintf(text, sizeof(text), "is %d, but there is no listen.%s", ports[i].advertised,
                     ports[i].name);
            problem_with(load, "advertise", ports[i].name, text);
        }
    }
}

static void check_ports(struct config_load *load)
{
    static const char *const names[] = {"client_port", "peer_port", "redis_port", "http_port"};
    const struct config *config = &load->config;
    const int32_t ports[] = {config->client_port, config->peer_port, config->redis_port,
                             config->http_port};
    if (config->client_port == CONFIG_PORT_NONE) {
        problem_with(load, "listen", "client_port", "is null: a node without it could not be used");
    }
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            if (ports[i] > 0 && ports[i] == ports[j]) {
                char text[96];
                snprintf(text, sizeof(text), "is %d, the same as listen.%s", ports[i], names[j]);
                problem_with(load, "listen", names[i], text);
            }
        }
    }
}

static void check_secret(struct config_load *load)
{
    const struct config *config = &load->config;
    if (config->secret_file[0] == 0 && !address_is_loopback(config->listen_host)) {
        char text[LIMIT_NAME_BYTES + 160];
        snprintf(text, sizeof(text),
                 "is \"%s\", which others can reach: set cluster.secret_file, or listen on a "
                 "loopback address such as 127.0.0.1",
                 config->listen_host);
        problem_with(load, "listen", "host", text);
    }
}

static void check_tracing(struct config_load *load)
{
    const char *text = load->config.trace_endpoint;
    struct endpoint endpoint;
    if (text[0] != 0 && endpoint_parse(text, &endpoint) != 0) {
        char words[ENDPOINT_BYTES + 160];
        snprintf(words, sizeof(words),
                 "is \"%s\": expected is http://HOST[:PORT][/PATH], such as "
                 "http://127.0.0.1:4318/v1/traces (TLS is for a collector's agent beside the node)",
                 text);
        problem_with(load, "tracing", "endpoint", words);
    }
}

void config_check(struct config_load *load)
{
    check_storage(load);
    check_quorum(load);
    check_peers(load);
    check_hosts(load);
    check_resolver(load);
    check_ports(load);
    check_advertised_ports(load);
    check_secret(load);
    check_tracing(load);
}
