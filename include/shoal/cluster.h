/* The cluster as seen through a client: which nodes there are and how they are, who owns what,
 * joining nodes together, backups of a node, verifying and repairing. For tools and dashboards; an
 * application that only reads and writes needs shoal/client.h alone. These calls are answered by
 * one node from what it knows: by the first of the given ones that can be reached. Nodes answer
 * them on their peer port, too, but for backups. */
#ifndef SHOAL_CLUSTER_H
#define SHOAL_CLUSTER_H

#include "shoal/client.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_node {
    uint64_t id;
    const char *name;
    const char *zone;
    const char *host; /* as advertised; the ports are 0 where it has none */
    uint16_t client_port;
    uint16_t peer_port;
    uint16_t redis_port;
    uint16_t http_port;
    const char *state;   /* "up", "suspect", "down", "joining", "leaving", "left", "refilling" */
    uint64_t partitions; /* that it owns in the newest layout */
    uint64_t keys;
    uint64_t bytes;
    uint64_t hints;        /* writes it keeps for others */
    uint64_t pending_sync; /* partitions it has not yet got whole */
    uint64_t weight;
    const char *storage; /* "ok"; "full": it refuses writes; "failed": it confirms none any more */
    uint64_t releasing;  /* partitions it still holds for their new owners */
    uint64_t sync_rate;  /* bytes a second that it takes in by repair, of late */
    int seen;            /* the newest layout: all of its requests know it, ... */
    int synced;          /* ... its share is complete, ... */
    int all_synced;      /* ... and it knows that everybody's is */
    const char *change;  /* asked for it and in no layout yet: "joins", "leaves", "removed",
                            "reweighed"; "" when nothing is */
    int staged;          /* and that waits for a commit */
    uint64_t memory;     /* bytes that it takes */
    uint64_t ops;        /* operations on keys carried out for clients since it started */
    uint64_t ops_rate;   /* the same a second, of late */
};

struct shoal_status {
    uint64_t node; /* id of the one that answers */
    uint64_t cluster;
    const char *cluster_name;
    uint64_t layout_version;
    char layout_hash[33];  /* hex */
    uint32_t live_layouts; /* 1 when no change is under way */
    uint32_t partitions;
    uint32_t n, r, w; /* the cluster's defaults */
    const struct shoal_node *nodes;
    size_t node_count;
    uint32_t staged;         /* changes that wait for a commit */
    uint32_t may_lose;       /* partitions of which removals may have lost acknowledged writes */
    uint64_t oldest_version; /* of the oldest layout still in force */
};

struct shoal_ring {
    uint64_t layout_version;
    char layout_hash[33]; /* hex */
    uint32_t partitions;
    uint32_t replicas; /* owners of each partition: N, or fewer while there are fewer nodes */
    const struct shoal_node *nodes;
    size_t node_count;
    const uint16_t *owners; /* partitions * replicas indexes into nodes, in order */
};

/* A node's copy of itself, being made or made. */
struct shoal_backup {
    uint64_t number;   /* random, of this one; 0: none was asked for since the node started */
    const char *state; /* "none", "copying", "sealing" (reading and summing up), "done", "failed" */
    int code;          /* why it failed */
    const char *text;  /* the same for people; "" */
    const char *path;  /* on the node's machine */
    uint64_t files;    /* known from "sealing" on */
    uint64_t bytes;
    uint64_t bytes_done; /* of these, summed up */
};

/* Whether all owners of each partition hold the same. */
struct shoal_verification {
    int identical;       /* all were compared, and nothing differs */
    char digest[33];     /* hex, of what all hold; "" unless identical */
    uint32_t partitions; /* of the cluster */
    int with_values;     /* every byte was compared */
    uint64_t siblings;   /* in the partitions found identical, deletions not yet forgotten too */
    uint64_t bytes;      /* of their values; 0 unless with_values */
    const uint32_t *differing; /* partitions whose owners don't hold the same */
    size_t differing_count;
    const uint32_t *unverified; /* partitions of which some owner did not answer */
    size_t unverified_count;
    const char *text; /* why, naming a node; "" when all were compared */
};

/* Who begins to repair. */
struct shoal_repair {
    uint32_t told;    /* nodes that begin now */
    uint32_t nodes;   /* of the cluster */
    const char *text; /* who could not be reached; "" when all were */
};

enum shoal_change_op {
    SHOAL_CHANGE_PLAN = 0,    /* changes nothing: what is staged, or what if */
    SHOAL_CHANGE_COMMIT = 1,  /* all that is staged */
    SHOAL_CHANGE_CANCEL = 2,  /* forgets all that is staged */
    SHOAL_CHANGE_LEAVE = 3,   /* hands over what it holds, then is no member any more */
    SHOAL_CHANGE_REMOVE = 4,  /* the same; for good, with its id, when it is down or by force */
    SHOAL_CHANGE_REPLACE = 5, /* by the empty node at host:peer_port */
    SHOAL_CHANGE_SET = 6,     /* weight, zone */
};

/* A change of who is a member, and with what share. */
struct shoal_change {
    enum shoal_change_op op;
    int stage;          /* only note it, for a commit later */
    int force;          /* REMOVE: even where acknowledged writes may be lost with it */
    uint32_t nodes;     /* PLAN: what if there were so many; 0: what is staged */
    const char *node;   /* by name; NULL: the node that is asked */
    const char *host;   /* REPLACE: where the new node is ... */
    const char *zone;   /* SET; NULL: as it is */
    uint32_t weight;    /* SET; 0: as it is */
    uint16_t peer_port; /* ... for other nodes */
};

struct shoal_plan_node {
    uint64_t id; /* 0: one that there is not yet */
    const char *name;
    const char *zone;   /* after the change, as the weight */
    const char *change; /* "stays", "joins", "leaves", "removed", "reweighed" */
    uint32_t weight;
    uint32_t partitions_before;
    uint32_t partitions_after;
    uint32_t partitions_in; /* that it gets and does not own now */
    uint64_t bytes_in;      /* about so many */
};

/* What a change moves. */
struct shoal_plan {
    int changes;             /* 0: nothing is staged, or nothing would change */
    int committed;           /* a new layout is in force; else it is staged, or only a plan */
    uint64_t version_before; /* of the newest layout */
    uint64_t version_after;
    uint32_t partitions;
    uint32_t replicas_before; /* owners of each partition */
    uint32_t replicas_after;
    uint32_t moves;        /* owner slots that get another node */
    uint32_t moves_least;  /* no table with these shares moves less */
    uint32_t zones_before; /* distinct zones that every partition spans at least */
    uint32_t zones_after;
    double share_excess_before; /* the worst node's distance from its weighted share, partitions */
    double share_excess_after;
    uint32_t may_lose;  /* partitions of which acknowledged writes may be lost by removals */
    uint64_t bytes_in;  /* all nodes' */
    const char *reason; /* why something can't be had; "" when all is exact */
    const char *text;   /* a remark; "" */
    const struct shoal_plan_node *nodes; /* by name */
    size_t node_count;
};

/* Asynchronous, as in shoal/client.h: `status`, `ring` and so on are NULL unless the result's
 * code is 0, and valid during the callback. */
typedef void (*shoal_status_done_fn)(struct shoal_client *client, const struct shoal_result *result,
                                     const struct shoal_status *status, void *user);
typedef void (*shoal_ring_done_fn)(struct shoal_client *client, const struct shoal_result *result,
                                   const struct shoal_ring *ring, void *user);

typedef void (*shoal_backup_done_fn)(struct shoal_client *client, const struct shoal_result *result,
                                     const struct shoal_backup *backup, void *user);

typedef void (*shoal_verify_done_fn)(struct shoal_client *client, const struct shoal_result *result,
                                     const struct shoal_verification *verification, void *user);

typedef void (*shoal_repair_done_fn)(struct shoal_client *client, const struct shoal_result *result,
                                     const struct shoal_repair *repair, void *user);

typedef void (*shoal_change_done_fn)(struct shoal_client *client, const struct shoal_result *result,
                                     const struct shoal_plan *plan, void *user);

SHOAL_API int shoal_status_start(struct shoal_client *client, const struct shoal_options *options,
                                 shoal_status_done_fn done, void *user);
SHOAL_API int shoal_ring_start(struct shoal_client *client, const struct shoal_options *options,
                               shoal_ring_done_fn done, void *user);

/* Tells the node to join the cluster that the node at this peer address is in. Done means that the
 * node is a member; its share of the data arrives after that, see pending_sync and live_layouts.
 * With `stage` it only becomes known there, and gets its share when that is committed. */
SHOAL_API int shoal_join_start(struct shoal_client *client, const char *host, uint16_t peer_port,
                               int stage, const struct shoal_options *options, shoal_done_fn done,
                               void *user);

/* Tells the node to put a copy of itself into a folder of its machine: an absolute path that isn't
 * there yet, or an empty folder. It has only begun when the answer comes. Without a path (NULL) the
 * answer is how the last one goes: ask until its state is "done" or "failed". */
SHOAL_API int shoal_backup_start(struct shoal_client *client, const char *path,
                                 const struct shoal_options *options, shoal_backup_done_fn done,
                                 void *user);

/* Compares what the owners of every partition hold: which siblings there are, and with values every
 * byte of them, for which all of it is read. What differs because writes are on their way is
 * compared again a few times. Give it time: see the options' timeout. */
SHOAL_API int shoal_verify_start(struct shoal_client *client, int with_values,
                                 const struct shoal_options *options, shoal_verify_done_fn done,
                                 void *user);

/* Has every node begin to compare with the others now, and repair what differs. Done means that
 * they have begun. */
SHOAL_API int shoal_repair_start(struct shoal_client *client, const struct shoal_options *options,
                                 shoal_repair_done_fn done, void *user);

/* Asks a node to change who is a member. Done means that the change is durable there and, where
 * another member can be reached, known to it; data moves after that: see pending_sync, releasing
 * and live_layouts. */
SHOAL_API int shoal_change_start(struct shoal_client *client, const struct shoal_change *change,
                                 const struct shoal_options *options, shoal_change_done_fn done,
                                 void *user);

/* Synchronous: on 0 the output is the caller's to free, otherwise it is untouched. */
SHOAL_API int shoal_status(struct shoal_client *client, const struct shoal_options *options,
                           struct shoal_status **status);
SHOAL_API int shoal_ring(struct shoal_client *client, const struct shoal_options *options,
                         struct shoal_ring **ring);
SHOAL_API int shoal_join(struct shoal_client *client, const char *host, uint16_t peer_port,
                         int stage, const struct shoal_options *options);
SHOAL_API int shoal_backup(struct shoal_client *client, const char *path,
                           const struct shoal_options *options, struct shoal_backup **backup);

SHOAL_API int shoal_verify(struct shoal_client *client, int with_values,
                           const struct shoal_options *options,
                           struct shoal_verification **verification);
SHOAL_API int shoal_repair(struct shoal_client *client, const struct shoal_options *options,
                           struct shoal_repair **repair);

SHOAL_API int shoal_change(struct shoal_client *client, const struct shoal_change *change,
                           const struct shoal_options *options, struct shoal_plan **plan);

SHOAL_API void shoal_plan_free(struct shoal_plan *plan);                         /* NULL is fine */
SHOAL_API void shoal_verification_free(struct shoal_verification *verification); /* NULL is fine */
SHOAL_API void shoal_repair_free(struct shoal_repair *repair);                   /* NULL is fine */
SHOAL_API void shoal_status_free(struct shoal_status *status);                   /* NULL is fine */
SHOAL_API void shoal_ring_free(struct shoal_ring *ring);                         /* NULL is fine */
SHOAL_API void shoal_backup_free(struct shoal_backup *backup);                   /* NULL is fine */

/* The partition of a key: an index p; its owners are owners[p * replicas ...]. */
SHOAL_API uint32_t shoal_ring_partition(const struct shoal_ring *ring, struct shoal_bytes key);

#ifdef __cplusplus
}
#endif
#endif
