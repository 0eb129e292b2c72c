/* Waiting for an answer: what the synchronous calls share. Each is
 *
 *      sync_begin, shoal_..._start with a callback that ends in sync_note, sync_end
 */
#ifndef CLIENT_SYNC_WAIT_H
#define CLIENT_SYNC_WAIT_H

#include "client/core.h"
#include "shoal/cluster.h"

/* What a waiting call gets; exactly one of the copies, or none when they are not asked for. */
struct waiting {
    bool done;
    bool copy;
    int code;
    struct shoal_result *result;
    struct shoal_status *status;
    struct shoal_ring *ring;
    struct shoal_backup *backup;
    struct shoal_verification *verification;
    struct shoal_repair *repair;
    struct shoal_plan *plan;
};

void sync_set_error(struct shoal_client *client, const char *text);

/* 0 and the client is entered. */
int sync_begin(struct shoal_client *client);

/* Runs the loop once: 0, or a code when waiting on makes no sense. */
int sync_turn(struct shoal_client *client);

/* Waits for a call that was started with code `started`, and leaves the client. */
int sync_end(struct shoal_client *client, int started, struct waiting *waiting);

/* The answer is there; `copied` tells whether a copy of it, if one is wanted, could be made. */
void sync_note(struct shoal_client *client, struct waiting *waiting,
               const struct shoal_result *result, bool copied);

/* A shoal_done_fn; `user` is the waiting. */
void sync_on_result(struct shoal_client *client, const struct shoal_result *result, void *user);

#endif
