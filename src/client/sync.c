/* The synchronous calls: each starts its asynchronous counterpart and runs the client's own event
 * base until the answer is there. A call first lets the loop see what has happened since the last
 * one, so that a connection the node closed meanwhile is noticed before a write is sent into it. */
#include <event2/event.h>
#include <stdio.h>

#include "base/memory.h"
#include "client/batch.h"
#include "client/core.h"
#include "client/result.h"
#include "shoal/error.h"

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
};

static void set_error(struct shoal_client *client, const char *text)
{
    (void)snprintf(client->error, sizeof(client->error), "%s", text);
}

/* 0 and the client is entered. */
static int sync_begin(struct shoal_client *client)
{
    if (!client->base_owned || client->depth > 0) {
        return SHOAL_EINVAL;
    }
    client_enter(client);
    client->error[0] = '\0';
    (void)event_base_loop(client->base, EVLOOP_NONBLOCK);
    return 0;
}

/* Runs the loop once: 0, or a code when waiting on makes no sense. */
static int sync_turn(struct shoal_client *client)
{
    if (client->closing) {
        return SHOAL_ESHUTDOWN;
    }
    return event_base_loop(client->base, EVLOOP_ONCE) == 0 ? 0 : SHOAL_EINTERNAL;
}

/* Waits for a call that was started with code `started`, and leaves the client. */
static int sync_end(struct shoal_client *client, int started, struct waiting *waiting)
{
    int error = started;
    while (error == 0 && !waiting->done) {
        error = sync_turn(client);
    }
    if (error != 0) {
        waiting->code = error;
        set_error(client, shoal_error_text(error));
    }
    client_leave(client); /* which may free it and so still call back */
    return waiting->code;
}

static void note(struct shoal_client *client, struct waiting *waiting,
                 const struct shoal_result *result, bool copied)
{
    waiting->done = true;
    waiting->code = result->code;
    if (result->code != 0) {
        set_error(client, result->text);
    } else if (waiting->copy && !copied) {
        waiting->code = SHOAL_ENOMEM;
        set_error(client, "an answer came and there is no memory to keep it");
    }
}

static void on_result(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    struct waiting *waiting = user;
    if (waiting->copy && (result->code == 0 || result->code == SHOAL_ENOTFOUND)) {
        waiting->result = result_copy(result);
    }
    note(client, waiting, result, waiting->result != NULL);
}

static void on_status(struct shoal_client *client, const struct shoal_result *result,
                      const struct shoal_status *status, void *user)
{
    struct waiting *waiting = user;
    if (status != NULL) {
        waiting->status = status_copy(status);
    }
    note(client, waiting, result, waiting->status != NULL);
}

static void on_ring(struct shoal_client *client, const struct shoal_result *result,
                    const struct shoal_ring *ring, void *user)
{
    struct waiting *waiting = user;
    if (ring != NULL) {
        waiting->ring = ring_copy(ring);
    }
    note(client, waiting, result, waiting->ring != NULL);
}

static void on_backup(struct shoal_client *client, const struct shoal_result *result,
                      const struct shoal_backup *backup, void *user)
{
    struct waiting *waiting = user;
    if (backup != NULL) {
        waiting->backup = backup_copy(backup);
    }
    note(client, waiting, result, waiting->backup != NULL);
}

static void on_verification(struct shoal_client *client, const struct shoal_result *result,
                            const struct shoal_verification *verification, void *user)
{
    struct waiting *waiting = user;
    if (verification != NULL) {
        waiting->verification = verification_copy(verification);
    }
    note(client, waiting, result, waiting->verification != NULL);
}

static void on_repair(struct shoal_client *client, const struct shoal_result *result,
                      const struct shoal_repair *repair, void *user)
{
    struct waiting *waiting = user;
    if (repair != NULL) {
        waiting->repair = repair_copy(repair);
    }
    note(client, waiting, result, waiting->repair != NULL);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void hand_over(struct waiting *waiting, struct shoal_result **result)
{
    if (result != NULL && waiting->result != NULL) {
        *result = waiting->result;
    }
}

int shoal_put(struct shoal_client *client, struct shoal_bytes key, struct shoal_bytes value,
              const struct shoal_options *options, struct shoal_result **result)
{
    struct waiting waiting = {.copy = result != NULL};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_put_start(client, key, value, options, on_result, &waiting);
    int code = sync_end(client, started, &waiting);
    hand_over(&waiting, result);
    return code;
}

int shoal_get(struct shoal_client *client, struct shoal_bytes key,
              const struct shoal_options *options, struct shoal_result **result)
{
    struct waiting waiting = {.copy = result != NULL};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_get_start(client, key, options, on_result, &waiting);
    int code = sync_end(client, started, &waiting);
    hand_over(&waiting, result);
    return code;
}

int shoal_delete(struct shoal_client *client, struct shoal_bytes key,
                 const struct shoal_options *options, struct shoal_result **result)
{
    struct waiting waiting = {.copy = result != NULL};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_delete_start(client, key, options, on_result, &waiting);
    int code = sync_end(client, started, &waiting);
    hand_over(&waiting, result);
    return code;
}

int shoal_list(struct shoal_client *client, const struct shoal_list *list,
               const struct shoal_options *options, struct shoal_result **result)
{
    struct waiting waiting = {.copy = result != NULL};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_list_start(client, list, options, on_result, &waiting);
    int code = sync_end(client, started, &waiting);
    hand_over(&waiting, result);
    return code;
}

int shoal_ping(struct shoal_client *client, const struct shoal_options *options)
{
    struct waiting waiting = {0};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_ping_start(client, options, on_result, &waiting);
    return sync_end(client, started, &waiting);
}

/* ---- the cluster ----------------------------------------------------------------------------- */

int shoal_status(struct shoal_client *client, const struct shoal_options *options,
                 struct shoal_status **status)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_status_start(client, options, on_status, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *status = waiting.status;
    }
    return code;
}

int shoal_ring(struct shoal_client *client, const struct shoal_options *options,
               struct shoal_ring **ring)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_ring_start(client, options, on_ring, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *ring = waiting.ring;
    }
    return code;
}

int shoal_join(struct shoal_client *client, const char *host, uint16_t peer_port,
               const struct shoal_options *options)
{
    struct waiting waiting = {0};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_join_start(client, host, peer_port, options, on_result, &waiting);
    return sync_end(client, started, &waiting);
}

int shoal_backup(struct shoal_client *client, const char *path, const struct shoal_options *options,
                 struct shoal_backup **backup)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_backup_start(client, path, options, on_backup, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *backup = waiting.backup;
    }
    return code;
}

int shoal_verify(struct shoal_client *client, int with_values, const struct shoal_options *options,
                 struct shoal_verification **verification)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_verify_start(client, with_values, options, on_verification, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *verification = waiting.verification;
    }
    return code;
}

int shoal_repair(struct shoal_client *client, const struct shoal_options *options,
                 struct shoal_repair **repair)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_repair_start(client, options, on_repair, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *repair = waiting.repair;
    }
    return code;
}

/* ---- batches --------------------------------------------------------------------------------- */

struct window {
    struct shoal_result **results;
    size_t in_flight;
    bool failed; /* no memory for some result */
};

struct slot {
    struct window *window;
    size_t index;
};

static void on_slot(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    (void)client;
    struct slot *slot = user;
    struct window *window = slot->window;
    window->results[slot->index] = result_copy(result);
    window->failed = window->failed || window->results[slot->index] == NULL;
    window->in_flight--;
}

/* Starts as many as there is room for, and waits when there is none. */
static int run_window(struct shoal_client *client, const struct shoal_operation *operations,
                      size_t count, const struct shoal_options *options, struct window *window,
                      struct slot *slots)
{
    size_t next = 0;
    while (next < count || window->in_flight > 0) {
        int error = SHOAL_EOVERLOAD;
        if (next < count) {
            slots[next] = (struct slot){.window = window, .index = next};
            error =
                batch_start_operation(client, &operations[next], options, on_slot, &slots[next]);
        }
        if (error == 0) {
            window->in_flight++;
            next++;
            continue;
        }
        if (error != SHOAL_EOVERLOAD || window->in_flight == 0) {
            return error;
        }
        error = sync_turn(client);
        if (error != 0) {
            return error;
        }
    }
    return window->failed ? SHOAL_ENOMEM : 0;
}

int shoal_batch(struct shoal_client *client, const struct shoal_operation *operations, size_t count,
                const struct shoal_options *options, struct shoal_result **results)
{
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    struct window window = {.results = mem_alloc_zeroed(count, sizeof(struct shoal_result *))};
    struct slot *slots = mem_alloc_zeroed(count, sizeof(*slots));
    error = SHOAL_ENOMEM;
    if (window.results != NULL && slots != NULL) {
        error = run_window(client, operations, count, options, &window, slots);
        while (window.in_flight > 0 && sync_turn(client) == 0) {
            /* What is still on its way points to the slots: it has to come back first. */
        }
    }
    if (error != 0) {
        set_error(client, shoal_error_text(error));
    }
    client_leave(client);
    for (size_t i = 0; i < count && window.results != NULL; i++) {
        if (error == 0) {
            results[i] = window.results[i];
        } else {
            shoal_result_free(window.results[i]);
        }
    }
    mem_free(window.results);
    mem_free(slots);
    return error;
}

int shoal_mget(struct shoal_client *client, const struct shoal_bytes *keys, size_t count,
               const struct shoal_options *options, struct shoal_result **results)
{
    struct shoal_operation *operations = mem_alloc_zeroed(count, sizeof(*operations));
    if (operations == NULL) {
        return SHOAL_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        operations[i] = (struct shoal_operation){.kind = SHOAL_GET, .key = keys[i]};
    }
    int error = shoal_batch(client, operations, count, options, results);
    mem_free(operations);
    return error;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Any answer at all proves the connection; a node that is in no cluster yet has no ring to show. */
static int greet(struct shoal_client *client)
{
    int code = shoal_ping(client, NULL);
    if (code != 0 || client->settings.routing != SHOAL_ROUTE_OWNERS) {
        return code;
    }
    code = sync_begin(client);
    if (code != 0) {
        return code;
    }
    while (client->map == NULL && client->refreshing && code == 0) {
        code = sync_turn(client);
    }
    client_leave(client);
    return code;
}

int shoal_client_open(const struct shoal_config *config, struct shoal_client **out, char *text,
                      size_t text_size)
{
    struct shoal_client *client = NULL;
    const char *why = shoal_error_text(SHOAL_ENOMEM);
    int error = SHOAL_ENOMEM;
    struct event_base *base = event_base_new();
    if (base != NULL) {
        error = client_new(config, base, &client, &why);
    }
    if (error == 0) {
        client->base_owned = true;
        base = NULL;
        error = greet(client);
        why = client->error;
    }
    if (error == 0) {
        *out = client;
        return 0;
    }
    if (text != NULL && text_size > 0) {
        (void)snprintf(text, text_size, "%s", why);
    }
    shoal_client_free(client);
    if (base != NULL) {
        event_base_free(base);
    }
    return error;
}
