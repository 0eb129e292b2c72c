/* Several operations at once: each is a request of its own, sent to its own key's owner, and the
 * batch is done when the last of them is. There is no promise across them; that would take a
 * transaction, which a leaderless store can't give. */
#include "client/batch.h"

#include "base/memory.h"
#include "client/core.h"
#include "client/result.h"
#include "shoal/error.h"

struct batch {
    shoal_batch_done_fn done;
    void *user;
    size_t count;
    size_t left;
    struct shoal_result **results;    /* copies; NULL where there was no memory for one */
    const struct shoal_result **told; /* the same, with something said in those places */
    struct part {
        struct batch *batch;
        size_t index;
    } * parts;
};

static const struct shoal_result no_memory = {
    .code = SHOAL_ENOMEM,
    .text = "an answer came and there is no memory to keep it",
};

static void batch_free(struct batch *batch)
{
    for (size_t i = 0; batch->results != NULL && i < batch->count; i++) {
        shoal_result_free(batch->results[i]);
    }
    mem_free(batch->results);
    mem_free(batch->told);
    mem_free(batch->parts);
    mem_free(batch);
}

static struct batch *batch_new(size_t count, shoal_batch_done_fn done, void *user)
{
    struct batch *batch = mem_alloc_zeroed(1, sizeof(*batch));
    if (batch == NULL) {
        return NULL;
    }
    *batch = (struct batch){.done = done, .user = user, .count = count, .left = count};
    batch->results = mem_alloc_zeroed(count, sizeof(struct shoal_result *));
    batch->told = mem_alloc_zeroed(count, sizeof(struct shoal_result *));
    batch->parts = mem_alloc_zeroed(count, sizeof(*batch->parts));
    if (batch->results == NULL || batch->told == NULL || batch->parts == NULL) {
        batch_free(batch);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        batch->parts[i] = (struct part){.batch = batch, .index = i};
    }
    return batch;
}

static void finish(struct batch *batch, struct shoal_client *client)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->told[i] = batch->results[i] != NULL ? batch->results[i] : &no_memory;
    }
    batch->done(client, batch->told, batch->count, batch->user);
    batch_free(batch);
}

static void on_part(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    struct part *part = user;
    struct batch *batch = part->batch;
    batch->results[part->index] = result_copy(result);
    batch->left--;
    if (batch->left == 0) {
        finish(batch, client);
    }
}

int batch_start_operation(struct shoal_client *client, const struct shoal_operation *operation,
                          const struct shoal_options *options, shoal_done_fn done, void *user)
{
    struct shoal_options own = {0};
    if (options != NULL) {
        own = *options;
    }
    own.context = operation->context;
    own.ttl_ms = operation->ttl_ms;
    switch (operation->kind) {
    case SHOAL_PUT:
        return shoal_put_start(client, operation->key, operation->value, &own, done, user);
    case SHOAL_GET:
        return shoal_get_start(client, operation->key, &own, done, user);
    case SHOAL_DELETE:
        return shoal_delete_start(client, operation->key, &own, done, user);
    case SHOAL_ADD:
        return shoal_add_start(client, operation->key, operation->delta, &own, done, user);
    }
    return SHOAL_EINVAL;
}

/* Whether the bounds leave room for all of them. */
static bool has_room(const struct shoal_client *client, const struct shoal_operation *operations,
                     size_t count)
{
    const struct settings *settings = &client->settings;
    size_t bytes = client->outstanding_bytes;
    if (count > settings->waiting_max - client->outstanding) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t own = sizeof(struct call) + operations[i].key.len + operations[i].value.len +
                     operations[i].context.len;
        if (own > settings->waiting_bytes_max || bytes > settings->waiting_bytes_max - own) {
            return false;
        }
        bytes += own;
    }
    return true;
}

int shoal_batch_start(struct shoal_client *client, const struct shoal_operation *operations,
                      size_t count, const struct shoal_options *options, shoal_batch_done_fn done,
                      void *user)
{
    if (count == 0) {
        return SHOAL_EINVAL;
    }
    if (!has_room(client, operations, count)) {
        return SHOAL_EOVERLOAD;
    }
    struct batch *batch = batch_new(count, done, user);
    if (batch == NULL) {
        return SHOAL_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        int error =
            batch_start_operation(client, &operations[i], options, on_part, &batch->parts[i]);
        if (error != 0 && i == 0) {
            batch_free(batch);
            return error;
        }
        if (error != 0) { /* others are on their way: this one has its code as its result */
            struct shoal_result failed = {.code = error, .text = shoal_error_text(error)};
            batch->results[i] = result_copy(&failed);
            batch->left--;
        }
    }
    return 0;
}

int shoal_mget_start(struct shoal_client *client, const struct shoal_bytes *keys, size_t count,
                     const struct shoal_options *options, shoal_batch_done_fn done, void *user)
{
    struct shoal_operation *operations = mem_alloc_zeroed(count, sizeof(*operations));
    if (operations == NULL) {
        return SHOAL_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        operations[i] = (struct shoal_operation){.kind = SHOAL_GET, .key = keys[i]};
    }
    int error = shoal_batch_start(client, operations, count, options, done, user);
    mem_free(operations);
    return error;
}
