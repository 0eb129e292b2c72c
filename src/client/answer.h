/* From an answer's frame to what the caller is told: decodes the frame that belongs to a call, and
 * shows what it says as the public structs. Everything is borrowed from the frame and the client's
 * arena. */
#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include "client/core.h"
#include "shoal/cluster.h"

/* `kind` is the frame's, `asked` the call's. 0, or SHOAL_EPROTO when it can't be an answer to that.
 */
int answer_decode(struct shoal_client *client, uint32_t asked, uint32_t kind, struct bytes payload,
                  struct answer *out);

/* Public views of it. 0 or SHOAL_ENOMEM. */
int answer_show_result(struct arena *arena, const struct answer *answer, struct shoal_result *out);
int answer_show_status(struct arena *arena, const struct message_status_reply *status,
                       struct shoal_status *out);
int answer_show_ring(struct arena *arena, const struct message_ring_reply *ring,
                     struct shoal_ring *out);
int answer_show_backup(struct arena *arena, const struct message_backup_reply *backup,
                       struct shoal_backup *out);
int answer_show_verification(struct arena *arena, const struct message_verify_reply *reply,
                             struct shoal_verification *out);
int answer_show_repair(struct arena *arena, const struct message_repair_reply *reply,
                       struct shoal_repair *out);
int answer_show_plan(struct arena *arena, const struct message_change_reply *reply,
                     struct shoal_plan *out);

/* A copy with a NUL behind; NULL when there is no memory. */
const char *answer_show_text(struct arena *arena, struct bytes text);

#endif
