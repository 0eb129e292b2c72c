/* Runs the client's own event base until an answer is there. A call first lets the loop see what
 * has happened since the last one, so that a connection the node closed meanwhile is noticed before
 * a write is sent into it. */
#include "client/sync_wait.h"

#include <event2/event.h>
#include <stdio.h>

#include "client/result.h"
#include "shoal/error.h"

void sync_set_error(struct shoal_client *client, const char *text)
{
    (void)snprintf(client->error, sizeof(client->error), "%s", text);
}

int sync_begin(struct shoal_client *client)
{
    if (!client->base_owned || client->depth > 0) {
        return SHOAL_EINVAL;
    }
    client_enter(client);
    client->error[0] = '\0';
    (void)event_base_loop(client->base, EVLOOP_NONBLOCK);
    return 0;
}

int sync_turn(struct shoal_client *client)
{
    if (client->closing) {
        return SHOAL_ESHUTDOWN;
    }
    return event_base_loop(client->base, EVLOOP_ONCE) == 0 ? 0 : SHOAL_EINTERNAL;
}

int sync_end(struct shoal_client *client, int started, struct waiting *waiting)
{
    int error = started;
    while (error == 0 && !waiting->done) {
        error = sync_turn(client);
    }
    if (error != 0) {
        waiting->code = error;
        sync_set_error(client, shoal_error_text(error));
    }
    client_leave(client); /* which may free it and so still call back */
    return waiting->code;
}

void sync_note(struct shoal_client *client, struct waiting *waiting,
               const struct shoal_result *result, bool copied)
{
    waiting->done = true;
    waiting->code = result->code;
    if (result->code != 0) {
        sync_set_error(client, result->text);
    } else if (waiting->copy && !copied) {
        waiting->code = SHOAL_ENOMEM;
        sync_set_error(client, "an answer came and there is no memory to keep it");
    }
}

void sync_on_result(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    struct waiting *waiting = user;
    if (waiting->copy && (result->code == 0 || result->code == SHOAL_ENOTFOUND)) {
        waiting->result = result_copy(result);
    }
    sync_note(client, waiting, result, waiting->result != NULL);
}
