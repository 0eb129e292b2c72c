/* What no key can tell alone: values that are right by themselves and wrong together, or that ask
 * for what this version doesn't have. */
#include <stdio.h>
#include <string.h>

#include "net/address.h"
#include "server/config_load.h"
#include "server/storage.h"

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

void config_check(struct config_load *load)
{
    check_storage(load);
    check_quorum(load);
    check_peers(load);
    check_ports(load);
    check_secret(load);
}
