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

/* Public views of it, but for those that ring/public.h has. 0 or SHOAL_ENOMEM. */
int answer_show_result(struct arena *arena, const struct answer *answer, struct shoal_result *out);
int answer_show_backup(struct arena *arena, const struct message_backup_reply *backup,
                       struct shoal_backup *out);
int answer_show_verification(struct arena *arena, const struct message_verify_reply *reply,
                             struct shoal_verification *out);

#endif
