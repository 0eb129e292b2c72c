/* The inside of gossip, shared by its files. */
#ifndef MEMBER_GOSSIP_INSIDE_H
#define MEMBER_GOSSIP_INSIDE_H

#include "member/gossip.h"

/* gossip.c */
/* A heartbeat beyond the known one. `directly`: by the node itself. */
void gossip_node_beat(struct gossip *gossip, struct gossip_node *node, uint64_t heartbeat,
                      bool directly, uint64_t now_us);
/* Somebody knows of a life of this node that it has not led, up to this generation: from now on its
 * own must win. */
void gossip_overtaken(struct gossip *gossip, uint64_t generation, bool *twin);
/* A record changed beyond its heartbeat. */
void gossip_note_news(struct gossip *gossip);

#endif
