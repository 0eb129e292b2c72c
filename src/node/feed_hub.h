/* The hub: on worker 0, follows every lane of every node, its own node's among them, while any
 * worker of this node has readers, and tells the workers what comes (feed_news.h), each in the same
 * order. It asks with long polls, one a lane, and no faster than the slowest worker passes on.
 *
 *      a node:  HEARD --- unlinked or silent for FEED_AWAY_US ---> AWAY (told once)
 *                 ^------------- answers (told once) ----------------'
 *
 * A lane begins at its end, where its node can be heard at once; where not, from the time at which
 * the hub began, less the bound of the clocks; a node that becomes a member later, from its
 * beginning. */
#ifndef NODE_FEED_HUB_H
#define NODE_FEED_HUB_H

#include "node/feed_news.h"

struct worker;
struct feed_hub;

int feed_hub_new(struct worker *worker, struct feed_hub **out);
void feed_hub_free(struct feed_hub *hub); /* NULL is fine */

void feed_hub_follow(struct feed_hub *hub, uint32_t from, const struct letter_feed_follow *letter);
void feed_hub_taken(struct feed_hub *hub, uint32_t from, const struct letter_feed_taken *letter);
/* Another snapshot: members come and go. */
void feed_hub_adopt(struct feed_hub *hub);
void feed_hub_link(struct feed_hub *hub, uint64_t node, bool up);
/* An answer to one of its questions. */
void feed_hub_take(struct feed_hub *hub, uint64_t node, const struct message_fed *fed);
void feed_hub_stop(struct feed_hub *hub);

#endif
