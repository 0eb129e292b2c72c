/* Pages follow each other by the cursor; a failed page ends the list unjudged. */
#include "sim_listing.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#define PREFIX "key"

static void page_answered(struct sim_request *request);

static void submit_page(struct sim_client *client, uint32_t node, uint32_t worker,
                        struct request_options options)
{
    struct sim_listing *listing = &client->listing;
    struct sim_ask ask = {
        .node = node,
        .worker = worker,
        .op = REQUEST_LIST,
        .key = bytes_from_string(PREFIX),
        .context = bytes_make(listing->cursor.bytes, listing->cursor.len),
        .limit = listing->limit,
        .with_values = listing->with_values,
        .options = options,
        .completed = page_answered,
        .user = client,
    };
    sim_request_submit(client->clients->world, &ask);
}

void sim_listing_begin(struct sim_client *client, struct sim_ask *ask)
{
    struct sim_listing *listing = &client->listing;
    const struct sim_history *history = &client->clients->world->oracle.history;
    mem_free(listing->cursor.bytes);
    *listing = (struct sim_listing){.keys_before = history->key_count};
    for (uint32_t i = 0; i < history->key_count; i++) {
        listing->acked_before[i] = history->keys[i].acked_count;
    }
    listing->limit = (uint32_t)(1 + random_below(&client->clients->random, 8));
    listing->with_values = random_chance(&client->clients->random, 0.3);
    struct request_options options = {.timeout_us = ask->options.timeout_us};
    submit_page(client, ask->node, ask->worker, options);
}

static void take_entry(struct sim_client *client, const struct list_entry *entry)
{
    struct sim_world *world = client->clients->world;
    struct sim_history *history = &world->oracle.history;
    uint32_t at = sim_history_key(history, entry->key);
    if (at >= SIM_KEYS_MAX || history->keys[at].dot_count == 0) {
        sim_world_fail(world, SIM_ACKED, "a list shows a key that nobody wrote");
        return;
    }
    if (client->listing.listed[at]) {
        sim_world_fail(world, SIM_OUTCOME, "a list shows %.*s twice", (int)entry->key.len,
                       (const char *)entry->key.data);
        return;
    }
    client->listing.listed[at] = true;
    if (entry->value.data != NULL && sim_history_by_value(history, entry->value) == 0) {
        sim_world_fail(world, SIM_ACKED, "a list shows a value that nobody wrote");
    }
}

static void judge_list(struct sim_client *client)
{
    struct sim_world *world = client->clients->world;
    const struct sim_oracle *oracle = &world->oracle;
    const struct sim_listing *listing = &client->listing;
    for (uint32_t i = 0; i < listing->keys_before; i++) {
        const struct sim_key *key = &oracle->history.keys[i];
        uint32_t acked = listing->acked_before[i];
        if (!listing->listed[i] && sim_oracle_must_list(oracle, i, acked, key->dot_count)) {
            sim_world_fail(world, SIM_ACKED, "a list misses %.*s, which has an acknowledged put",
                           (int)key->name_len, (const char *)key->name);
        }
        if (listing->listed[i] && sim_oracle_must_not_list(oracle, i, acked, key->dot_count)) {
            sim_world_fail(world, SIM_DELETED, "a list shows %.*s, whose deletion was acknowledged",
                           (int)key->name_len, (const char *)key->name);
        }
    }
}

static void page_answered(struct sim_request *request)
{
    struct sim_client *client = request->user;
    struct sim_listing *listing = &client->listing;
    const struct outcome *outcome = &request->outcome;
    if (!request->done || request->code != 0) {
        sim_client_listed(client);
        return;
    }
    for (uint32_t i = 0; i < outcome->entry_count; i++) {
        take_entry(client, &outcome->entries[i]);
    }
    const struct sim_node *node = &request->world->nodes[request->node];
    if (outcome->after.data == NULL) {
        judge_list(client);
        sim_client_listed(client);
        return;
    }
    mem_free(listing->cursor.bytes);
    listing->cursor.bytes = mem_alloc(outcome->after.len);
    ASSERT(listing->cursor.bytes != NULL);
    memcpy(listing->cursor.bytes, outcome->after.data, outcome->after.len);
    listing->cursor.len = outcome->after.len;
    if (node->state != SIM_UP || node->life != request->life) {
        sim_client_listed(client);
        return;
    }
    submit_page(client, request->node, 0, request->request.options);
}
