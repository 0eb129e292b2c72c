/* Nodes for tests of the client, without a server: they listen on ephemeral ports of an event base,
 * speak the client's half of the protocol through the real codecs, share one plain store without
 * replication, and misbehave as they are told. Partition p's first owner is node p mod count. */
#ifndef SUPPORT_FAKE_CLUSTER_H
#define SUPPORT_FAKE_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct event_base;
struct fake_cluster;

#define FAKE_NODES_MAX 4u
#define FAKE_PARTITIONS 16u

/* What a node does with requests (put, get, delete, list). */
enum fake_manner {
    FAKE_SERVES = 0,
    FAKE_KEEPS_SILENT,           /* takes them and never answers */
    FAKE_APPLIES_AND_HANGS_UP,   /* does what is asked, then closes instead of answering */
    FAKE_HANGS_UP,               /* closes when one comes */
    FAKE_REFUSES,                /* answers with `code` */
    FAKE_TALKS_RUBBISH,          /* answers with bytes that are no frame */
    FAKE_ANSWERS_SOMETHING_ELSE, /* a well-formed frame of the wrong kind */
};

/* What it does with a greeting. */
enum fake_greeting {
    FAKE_WELCOMES = 0,
    FAKE_SAYS_NOTHING,
    FAKE_REFUSES_VERSION,
};

struct fake_node {
    struct fake_cluster *cluster;
    uint16_t port; /* 0 while it does not listen */
    _Atomic int manner;
    _Atomic int greeting;
    _Atomic int code;
    _Atomic uint32_t requests;    /* that came in, of any key */
    _Atomic uint32_t connections; /* accepted so far */
    _Atomic uint32_t watches;     /* of the live feed, begun so far: each is told once where it
                                     stands, and nothing after that */
    _Atomic uint64_t timeout_us;  /* of the last request */
};

struct fake_cluster *fake_cluster_new(struct event_base *base, uint32_t nodes);
void fake_cluster_free(struct fake_cluster *cluster);

struct fake_node *fake_cluster_node(struct fake_cluster *cluster, uint32_t index);

/* Stops listening and hangs up on everyone; listens again on the same port. From the base's thread.
 */
void fake_node_stop(struct fake_node *node);
void fake_node_start(struct fake_node *node);

/* The index of the node that owns the key first. */
uint32_t fake_cluster_owner(const struct fake_cluster *cluster, struct bytes key);

/* How many keys the store holds. */
uint32_t fake_cluster_keys(const struct fake_cluster *cluster);

#endif
