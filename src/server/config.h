/* The node's configuration: read strictly, from a JSON file and the environment, before anything is
 * opened. Whatever is unknown, of the wrong type, out of range or at odds with something else is a
 * problem that names the key, the value, the line and what would be right; all problems are told
 * at once. Every key is described once, in config_keys.c; docs/configuration.md explains them. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "base/buffer.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/endpoint.h"

#define CONFIG_PATH_BYTES 4096u
#define CONFIG_SEEDS_MAX 64u
#define CONFIG_RESOLVER_BYTES 64u
#define CONFIG_ORIGINS_BYTES 2048u
#define CONFIG_HINTS_MB_DEFAULT 1024u
#define CONFIG_FEED_TAIL_MB_DEFAULT 64u
#define CONFIG_TRANSFERS_DEFAULT 8u
#define CONFIG_PORT_NONE (-1) /* not served; 0 is any free port */

enum config_engine { ENGINE_MEMORY, ENGINE_LOG, ENGINE_LSM };
enum config_durability { DURABILITY_SYNC, DURABILITY_INTERVAL, DURABILITY_OS };
enum config_compression { COMPRESSION_LZ4, COMPRESSION_NONE };

struct config_address {
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;
};

struct config_addresses {
    struct config_address items[CONFIG_SEEDS_MAX];
    uint32_t count;
};

/* Numbers are as the table of keys bounds them; texts end with a NUL. */
struct config {
    char path[CONFIG_PATH_BYTES]; /* of the file, from the root; empty: none was read */
    char node_name[LIMIT_NAME_BYTES + 1];
    char node_zone[LIMIT_NAME_BYTES + 1];
    uint64_t node_weight;
    char listen_host[LIMIT_NAME_BYTES + 1];
    int32_t client_port;
    int32_t peer_port;
    int32_t redis_port;
    int32_t http_port;
    char advertise_host[LIMIT_NAME_BYTES + 1];
    int32_t advertise_client_port; /* CONFIG_PORT_NONE: the one that is listened on */
    int32_t advertise_peer_port;
    int32_t advertise_redis_port;
    int32_t advertise_http_port;
    char data_dir[CONFIG_PATH_BYTES];
    int32_t engine;     /* enum config_engine */
    int32_t durability; /* enum config_durability */
    uint64_t durability_interval_us;
    int32_t compression; /* enum config_compression */
    uint64_t scrub_days; /* 0: never */
    char cluster_name[LIMIT_NAME_BYTES + 1];
    uint64_t partitions;
    struct config_addresses seeds;
    char resolver[CONFIG_RESOLVER_BYTES]; /* empty: the system's */
    char secret_file[CONFIG_PATH_BYTES];
    uint64_t n;
    uint64_t r; /* 0 until completed: a majority of n */
    uint64_t w;
    bool sloppy;
    uint64_t heartbeat_interval_us;
    uint64_t heartbeat_fanout;
    double phi_threshold;
    uint64_t repair_interval_us; /* 0: only when asked to */
    uint64_t workers;            /* 0: one for each processor */
    uint64_t memory_mb;
    uint64_t hints_mb;
    uint64_t feed_tail_mb; /* 0: no live feed */
    uint64_t transfers;    /* at a time, to this node */
    uint64_t key_bytes;
    uint64_t value_bytes;
    uint64_t connections;
    uint64_t request_timeout_us;
    uint64_t clock_ahead_us;
    char http_cors[CONFIG_ORIGINS_BYTES]; /* comma-separated, or "*"; empty: none */
    uint64_t http_body_mb;
    uint64_t http_head_kb;
    uint64_t http_idle_us;
    uint64_t http_request_us;
    int32_t log_level;                   /* enum log_level */
    int32_t log_format;                  /* enum log_format */
    uint64_t slow_us;                    /* 0: no slow log */
    char trace_endpoint[ENDPOINT_BYTES]; /* empty: nothing is traced */
    double trace_sample;
};

/* Reads the file (NULL: none), lets the environment (as environ, borrowed) take precedence, fills
 * in what is silent, and checks the whole. 0 and the configuration, or SHOAL_EINVAL with one line
 * for each problem appended to `problems`; SHOAL_ENOMEM. */
int config_load(const char *path, const char *const *environment, struct config *out,
                struct buffer *problems);

/* As they stand in the file. */
const char *config_engine_text(int32_t engine);
const char *config_durability_text(int32_t durability);

/* The names of the keys that differ and can't change while the node runs ("quorum.n, workers"),
 * appended; nothing when all that differs can. 0 or SHOAL_ENOMEM. */
int config_fixed_differences(const struct config *a, const struct config *b, struct buffer *names);

#endif
