/* The synchronous calls for keys, and opening a client: each call starts its asynchronous
 * counterpart and waits for the answer (sync_wait.h). */
#include <event2/event.h>
#include <stdio.h>

#include "base/memory.h"
#include "client/batch.h"
#include "client/result.h"
#include "client/sync_wait.h"
#include "shoal/error.h"

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
    int started = shoal_put_start(client, key, value, options, sync_on_result, &waiting);
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
    int started = shoal_get_start(client, key, options, sync_on_result, &waiting);
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
    int started = shoal_delete_start(client, key, options, sync_on_result, &waiting);
    int code = sync_end(client, started, &waiting);
    hand_over(&waiting, result);
    return code;
}

int shoal_add(struct shoal_client *client, struct shoal_bytes key, int64_t delta,
              const struct shoal_options *options, struct shoal_result **result)
{
    struct waiting waiting = {.copy = result != NULL};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_add_start(client, key, delta, options, sync_on_result, &waiting);
    int code = sync_end(client, started, &waiting);
    hand_over(&waiting, result);
    return code;
}

int shoal_expire(struct shoal_client *client, struct shoal_bytes key, uint64_t expiry_ms,
                 const struct shoal_options *options, struct shoal_result **result)
{
    struct waiting waiting = {.copy = result != NULL};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_expire_start(client, key, expiry_ms, options, sync_on_result, &waiting);
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
    int started = shoal_list_start(client, list, options, sync_on_result, &waiting);
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
    int started = shoal_ping_start(client, options, sync_on_result, &waiting);
    return sync_end(client, started, &waiting);
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
        sync_set_error(client, shoal_error_text(error));
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
