/* What one simulated run is made of: the cluster, how the network, disks and clocks behave, which
 * faults come how often, and what the clients ask. All of it is drawn from one 64-bit seed, so that
 * every seed has a temper of its own; scenarios set the fields by hand. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/log_volume.h"
#include "storage/offload.h"

#define SIM_NODES_MAX 256u
#define SIM_NODES_DRAWN_MAX 8u /* in a random run */
#define SIM_WORKERS_MAX 3u
#define SIM_PARTITIONS_MAX 4096u

/* How far nodes are told that clocks may be apart. */
#define SIM_CLOCK_AHEAD_MS 500u

enum sim_setup {
    SIM_SETUP_SEEDS, /* every node is configured with the same seeds */
    SIM_SETUP_JOIN,  /* every node founds a cluster of its own and is told to join the first's */
};

enum sim_store_kind {
    SIM_STORE_LOG,
    SIM_STORE_MEMORY, /* every restart begins empty */
};

/* How nodes store, and how their disks are. */
struct sim_store_options {
    enum sim_store_kind kind;
    enum log_durability durability;
    uint64_t interval_us;                 /* of durability `interval` */
    uint64_t wait_us_mean[OFFLOAD_LANES]; /* of jobs that block */
    double cold_rate;                     /* of reads that find nothing in memory */
    uint64_t segment_bytes;               /* the smallest; small ones roll and are compacted */
    uint64_t scrub_us;
    bool compress;
    double rework_rate; /* of starts with another number of workers */
};

/* Mean times between two faults of a kind, in microseconds; 0 is never. */
struct sim_fault_rates {
    uint64_t crash_us; /* kill -9 */
    uint64_t power_us; /* the machine loses power */
    uint64_t black_us; /* all machines do, where that loses nothing; else all are killed */
    uint64_t stop_us;  /* graceful */
    uint64_t pause_us;
    uint64_t partition_us;
    uint64_t break_us; /* one connection */
    uint64_t clock_us; /* a wall clock jumps */
    /* Of what a node has confirmed something is lost: within the budget of W-1 nodes. */
    uint64_t loss_us;    /* it crashes and its disk is gone */
    uint64_t restore_us; /* it comes back with an older copy of its disk */
    uint64_t rot_us;
    uint64_t full_us;  /* a disk is full for a while */
    uint64_t fail_us;  /* calls of a disk fail for a while; then the node is restarted */
    bool around_joins; /* something goes wrong just while a node joins */
};

/* What operators do to the membership; see sim_changes.h. */
struct sim_change_options {
    uint64_t change_us; /* mean time between two ideas; 0: none */
    double stage_rate;  /* of changes that are only staged */
    bool troubled;      /* something goes wrong just then */
    bool reckless;      /* more nodes may die for good than the promises allow for */
};

struct sim_network_options {
    uint64_t delay_us_min;
    uint64_t delay_us_mean; /* of the exponential part */
    double slow_rate;       /* frames that take ten times as long */
    double refuse_rate;     /* sends answered with "queue full" */
    bool hostile;           /* frames of a connection may be lost, doubled and reordered */
    double drop_rate;
    double duplicate_rate;
};

struct sim_clock_options {
    uint64_t skew_ms_max;
    uint32_t drift_ppm_max;
    uint64_t jump_ms_max;
};

struct sim_client_options {
    uint32_t clients;
    uint32_t keys;
    uint64_t think_us_mean;
    uint32_t put_weight, get_weight, delete_weight, list_weight;
    uint32_t count_weight; /* of counters: additions, reads, changes of a distant expiry */
    double context_rate;   /* of writes that carry a token */
    double stale_rate;     /* of these, an older one */
    double forged_rate;    /* of all writes: a token that must be refused */
    double override_rate;  /* of all requests: r, w and the like of their own */
    double large_rate;     /* of puts: a value of many kilobytes */
    double ttl_rate;       /* of puts: they expire */
    uint64_t ttl_ms_max;
    uint64_t timeout_us; /* 0: the node's default */
};

struct sim_options {
    uint64_t seed;
    uint32_t nodes;   /* of the first cluster */
    uint32_t joiners; /* further nodes, which join during the load */
    uint32_t spares;  /* further nodes, which operators may have join */
    bool reserve;     /* and one more, of which nobody knows before it is needed; see sim_rescue */
    uint32_t workers[SIM_NODES_MAX];
    uint32_t partitions, n, r, w;
    enum sim_setup setup;
    uint32_t seeds; /* everyone knows the first so many nodes; 0: all of the first cluster */
    bool faults_in_setup;
    struct sim_store_options store;
    uint64_t keep_us_mean;
    bool sloppy;              /* fallbacks stand in for owners */
    uint64_t hints_bytes_max; /* kept for other nodes */
    uint64_t repair_us;       /* between comparisons of two nodes; 0: never by themselves */
    uint64_t heartbeat_us;
    uint64_t request_timeout_us;
    double batch_rate; /* events after which the flush comes later, with others */
    uint32_t watchers; /* readers of the live feed */
    uint64_t load_us;
    struct sim_network_options network;
    struct sim_clock_options clock;
    struct sim_fault_rates faults;
    struct sim_change_options change;
    struct sim_client_options client;
    uint32_t check_every; /* events between two looks at everything; 1 is each */
};

/* A quiet world of three nodes, N=3 R=W=2, one worker each, that scenarios start from. */
void sim_options_quiet(struct sim_options *options);

/* Five healthy nodes that clients ask a hundred times a second: for measuring the simulator. */
void sim_options_speed(struct sim_options *options, uint64_t seed);

/* The temper of a seed. */
void sim_options_random(struct sim_options *options, uint64_t seed);

/* The same with the membership changing all the time. */
void sim_options_elastic(struct sim_options *options, uint64_t seed);

/* One line for people. */
void sim_options_print(const struct sim_options *options, char *out, unsigned long size);

#endif
