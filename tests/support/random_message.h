/* Every message of the protocol with random content.
 *
 * Content stays within the bounds and covers their corners: empty and missing bytes, numbers of
 * every magnitude, no items and many. Bytes and items are allocated in the arena. */
#ifndef SUPPORT_RANDOM_MESSAGE_H
#define SUPPORT_RANDOM_MESSAGE_H

#include "base/random.h"
#include "wire/messages.h"

void random_hello(struct random *random, struct arena *arena, struct message_hello *out);
void random_hello_reply(struct random *random, struct arena *arena,
                        struct message_hello_reply *out);
void random_request(struct random *random, struct arena *arena, struct message_request *out);
void random_forward(struct random *random, struct arena *arena, struct message_forward *out);
void random_result(struct random *random, struct arena *arena, struct message_result *out);
void random_list(struct random *random, struct arena *arena, struct message_list *out);
void random_list_reply(struct random *random, struct arena *arena, struct message_list_reply *out);
void random_status_reply(struct random *random, struct arena *arena,
                         struct message_status_reply *out);
void random_ring_reply(struct random *random, struct arena *arena, struct message_ring_reply *out);
void random_join(struct random *random, struct arena *arena, struct message_join *out);
void random_backup(struct random *random, struct arena *arena, struct message_backup *out);
void random_backup_reply(struct random *random, struct arena *arena,
                         struct message_backup_reply *out);
void random_verify(struct random *random, struct arena *arena, struct message_verify *out);
void random_verify_reply(struct random *random, struct arena *arena,
                         struct message_verify_reply *out);
void random_repair(struct random *random, struct arena *arena, struct message_repair *out);
void random_repair_reply(struct random *random, struct arena *arena,
                         struct message_repair_reply *out);
void random_store(struct random *random, struct arena *arena, struct message_store *out);
void random_stored(struct random *random, struct arena *arena, struct message_stored *out);
void random_fetch(struct random *random, struct arena *arena, struct message_fetch *out);
void random_fetched(struct random *random, struct arena *arena, struct message_fetched *out);
void random_scan(struct random *random, struct arena *arena, struct message_scan *out);
void random_scanned(struct random *random, struct arena *arena, struct message_scanned *out);
void random_gossip(struct random *random, struct arena *arena, struct message_gossip *out);
void random_gossip_reply(struct random *random, struct arena *arena,
                         struct message_gossip_reply *out);
void random_admit(struct random *random, struct arena *arena, struct message_admit *out);
void random_admit_reply(struct random *random, struct arena *arena,
                        struct message_admit_reply *out);
void random_invite(struct random *random, struct arena *arena, struct message_invite *out);
void random_goodbye(struct random *random, struct arena *arena, struct message_goodbye *out);
void random_compare(struct random *random, struct arena *arena, struct message_compare *out);
void random_compared(struct random *random, struct arena *arena, struct message_compared *out);
void random_sync_root(struct random *random, struct arena *arena, struct message_sync_root *out);
void random_sync_rooted(struct random *random, struct arena *arena,
                        struct message_sync_rooted *out);
void random_sync_nodes(struct random *random, struct arena *arena, struct message_sync_nodes *out);
void random_sync_sums(struct random *random, struct arena *arena, struct message_sync_sums *out);
void random_sync_leaves(struct random *random, struct arena *arena,
                        struct message_sync_leaves *out);
void random_sync_listed(struct random *random, struct arena *arena,
                        struct message_sync_listed *out);
void random_sync_fetch(struct random *random, struct arena *arena, struct message_sync_fetch *out);
void random_sync_fetched(struct random *random, struct arena *arena,
                         struct message_sync_fetched *out);
void random_ended(struct random *random, struct arena *arena, struct message_ended *out);
void random_ended_reply(struct random *random, struct arena *arena,
                        struct message_ended_reply *out);
void random_change(struct random *random, struct arena *arena, struct message_change *out);
void random_change_reply(struct random *random, struct arena *arena,
                         struct message_change_reply *out);
void random_release(struct random *random, struct arena *arena, struct message_release *out);
void random_released(struct random *random, struct arena *arena, struct message_released *out);
void random_feed(struct random *random, struct arena *arena, struct message_feed *out);
void random_fed(struct random *random, struct arena *arena, struct message_fed *out);
void random_watch(struct random *random, struct arena *arena, struct message_watch *out);
void random_watched(struct random *random, struct arena *arena, struct message_watched *out);
void random_unwatch(struct random *random, struct arena *arena, struct message_unwatch *out);

#endif
