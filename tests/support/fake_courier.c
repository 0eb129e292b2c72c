#include "support/fake_courier.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>

/* A frame on its way to a node (an ask) or back to node 1 (an answer). */
struct fake_message {
    struct fake_message *next;
    uint64_t at_us;
    uint64_t order;
    uint64_t node;
    bool answer;
    size_t len;
    uint8_t bytes[];
};

/* ---- the network ---- */

static void fake_post(struct fake_courier *fake, uint64_t node, bool answer, struct bytes frame,
                      uint64_t delay_us)
{
    struct fake_message *message = malloc(sizeof(*message) + frame.len);
    ASSERT(message != NULL);
    *message = (struct fake_message){.at_us = fake->now.mono_us + FAKE_LATENCY_US + delay_us,
                                     .order = fake->message_order++,
                                     .node = node,
                                     .answer = answer,
                                     .len = frame.len};
    memcpy(message->bytes, frame.data, frame.len);
    struct fake_message **link = &fake->messages;
    while (*link != NULL && (*link)->at_us <= message->at_us) {
        link = &(*link)->next;
    }
    message->next = *link;
    *link = message;
}

static bool fake_use_up(uint32_t *count)
{
    if (*count == 0) {
        return false;
    }
    *count -= *count == FAKE_ALWAYS ? 0 : 1;
    return true;
}

static int fake_send(void *self, uint64_t node, struct bytes frame)
{
    struct fake_courier *fake = self;
    ASSERT(node >= 1 && node <= FAKE_NODES);
    if (node != FAKE_SELF && !fake->owners[node].linked) {
        return SHOAL_ECONNECT;
    }
    if (!fake_use_up(&fake->owners[node].lose_requests)) {
        fake_post(fake, node, false, frame, 0);
    }
    return 0;
}

static void fake_answer_with(struct fake_courier *fake, uint64_t node)
{
    struct fake_owner *owner = &fake->owners[node];
    if (fake_use_up(&owner->lose_answers)) {
        return;
    }
    fake_post(fake, node, true, buffer_bytes(&fake->reply), owner->delay_us);
    if (fake_use_up(&owner->repeat_answers)) {
        fake_post(fake, node, true, buffer_bytes(&fake->reply), owner->delay_us + 100);
    }
}

/* ---- the other nodes ---- */

static struct bytes fake_view(struct fake_courier *fake, struct fake_owner *owner, uint64_t digest)
{
    struct bytes copy = bytes_make(NULL, 0);
    if (digest != owner->view->digest) {
        struct buffer encoded;
        buffer_init(&encoded, 0);
        if (view_encode(owner->view, &encoded) == 0) {
            copy = arena_copy(&fake->arena, buffer_bytes(&encoded));
        }
        buffer_deinit(&encoded);
    }
    return copy;
}

/* 0, or why it does not act on a request for this partition. */
static int fake_judge(struct fake_owner *owner, uint64_t node, uint32_t partition)
{
    if (fake_use_up(&owner->refusals)) {
        return owner->refusal;
    }
    return view_owns(owner->view, node, partition) &&
                   replica_holding(&owner->replica, partition) != NULL
               ? 0
               : SHOAL_ENOTOWNER;
}

static int fake_on_store(struct fake_courier *fake, uint64_t node, struct bytes payload)
{
    struct fake_owner *owner = &fake->owners[node];
    struct message_store store;
    if (message_store_decode(payload, &fake->arena, &store) < 0) {
        return SHOAL_EPROTO;
    }
    owner->stores++;
    owner->trace = store.trace;
    owner->durable_stores += store.durable ? 1 : 0;
    struct message_stored stored = {.id = store.id,
                                    .code = fake_judge(owner, node, store.partition),
                                    .view_digest = owner->view->digest,
                                    .view = fake_view(fake, owner, store.view_digest)};
    if (store.hint && stored.code == SHOAL_ENOTOWNER) {
        stored.code = 0;
        owner->hints++;
    } else if (stored.code == 0) {
        struct engine_key key = replica_key(&owner->replica, store.partition, store.key);
        const struct holding *holding = replica_holding(&owner->replica, store.partition);
        struct replica_stored kept;
        int result = replica_store(&owner->replica, &key, store.object, fake->now.wall_ms, &kept);
        stored.code = result < 0 ? result : 0;
        stored.concurrent = kept.concurrent;
        stored.refilling = holding->refilling;
        stored.actor = holding->actor;
        stored.durable = owner->durable && result >= 0;
    }
    return store.id == 0 ? 1 : message_stored_encode(&stored, &fake->reply);
}

static void fake_strip(struct fake_courier *fake, struct bytes *encoded)
{
    struct object object;
    struct buffer stripped;
    buffer_init(&stripped, 0);
    if (object_decode(&fake->arena, *encoded, &object) == 0 &&
        object_encode_stripped(&object, &stripped) == 0) {
        *encoded = arena_copy(&fake->arena, buffer_bytes(&stripped));
    }
    buffer_deinit(&stripped);
}

static struct bytes fake_clock(struct fake_courier *fake, const struct holding *holding)
{
    struct buffer encoded;
    buffer_init(&encoded, 0);
    struct bytes copy = bytes_make(NULL, 0);
    if (partition_clock_encode(&holding->clock, &encoded) == 0) {
        copy = arena_copy(&fake->arena, buffer_bytes(&encoded));
    }
    buffer_deinit(&encoded);
    return copy;
}

static int fake_on_fetch(struct fake_courier *fake, uint64_t node, struct bytes payload)
{
    struct fake_owner *owner = &fake->owners[node];
    struct message_fetch fetch;
    if (message_fetch_decode(payload, &fake->arena, &fetch) < 0) {
        return SHOAL_EPROTO;
    }
    owner->fetches++;
    owner->trace = fetch.trace;
    owner->fetch_mode = fetch.mode;
    owner->fetch_known = fetch.has_known;
    struct message_fetched fetched = {.id = fetch.id,
                                      .code = fake_judge(owner, node, fetch.partition),
                                      .object = bytes_make(NULL, 0),
                                      .view_digest = owner->view->digest,
                                      .view = fake_view(fake, owner, fetch.view_digest)};
    if (fetched.code == 0 && replica_holding(&owner->replica, fetch.partition)->refilling) {
        fetched.code = SHOAL_EREFILLING;
    }
    if (fetched.code == 0) {
        struct engine_key key = replica_key(&owner->replica, fetch.partition, fetch.key);
        struct bytes encoded;
        fetched.code = replica_read_encoded(&owner->replica, &key, &encoded);
        fetched.digest = encoded.data == NULL ? 0 : hash_xxh3(encoded);
        if (fetched.code == 0 && encoded.data != NULL && fetch.mode == FETCH_VERSIONS) {
            fake_strip(fake, &encoded);
        }
        bool known = fetch.has_known && fetch.known == fetched.digest;
        if (fetched.code == 0 && !known) {
            fetched.object = encoded;
            fetched.clock = fake_clock(fake, replica_holding(&owner->replica, fetch.partition));
            fetched.code = fetched.clock.data == NULL ? SHOAL_ENOMEM : 0;
        }
    }
    return message_fetched_encode(&fetched, &fake->reply);
}

enum { FAKE_PAGE_MAX = 256 };

struct fake_page {
    struct fake_courier *fake;
    const struct message_scan *scan;
    struct scan_entry entries[FAKE_PAGE_MAX];
    uint32_t count;
    uint64_t next;
};

static bool fake_visit(void *self, const struct engine_entry *entry)
{
    struct fake_page *page = self;
    if (page->count >= page->scan->keys_max || page->count == FAKE_PAGE_MAX) {
        page->next = entry->position;
        return false;
    }
    if (bytes_starts_with(entry->key, page->scan->prefix)) {
        struct bytes record = entry->record;
        if (page->scan->stripped) {
            fake_strip(page->fake, &record);
        }
        page->entries[page->count++] =
            (struct scan_entry){.position = entry->position, .key = entry->key, .object = record};
    }
    return true;
}

static int fake_on_scan(struct fake_courier *fake, uint64_t node, struct bytes payload)
{
    static struct fake_page page;
    struct fake_owner *owner = &fake->owners[node];
    struct message_scan scan;
    if (message_scan_decode(payload, &fake->arena, &scan) < 0) {
        return SHOAL_EPROTO;
    }
    owner->scans++;
    owner->trace = scan.trace;
    page = (struct fake_page){.fake = fake, .scan = &scan};
    struct message_scanned scanned = {.id = scan.id,
                                      .code = fake_judge(owner, node, scan.partition),
                                      .view_digest = owner->view->digest,
                                      .view = fake_view(fake, owner, scan.view_digest)};
    if (scanned.code == 0 && replica_holding(&owner->replica, scan.partition)->refilling) {
        scanned.code = SHOAL_EREFILLING;
    }
    if (scanned.code == 0) {
        struct engine *engine = owner->replica.engine;
        scanned.end = engine->ops->walk(engine, scan.partition, scan.position, 0, fake_visit, &page,
                                        &page.next) == 0;
        scanned.entries = page.entries;
        scanned.count = page.count;
        scanned.next = page.next;
        scanned.clock = fake_clock(fake, replica_holding(&owner->replica, scan.partition));
    }
    return message_scanned_encode(&scanned, &fake->reply);
}

/* It says that it has done it: what a node really does is tests/sim's. */
static int fake_on_forward(struct fake_courier *fake, uint64_t node, struct bytes payload)
{
    struct fake_owner *owner = &fake->owners[node];
    struct message_forward forward;
    if (message_forward_decode(payload, &fake->arena, &forward) < 0) {
        return SHOAL_EPROTO;
    }
    owner->forwards++;
    owner->trace = forward.request.trace;
    struct message_result result = {.id = forward.request.id, .owners = 2, .needed = 2};
    if (fake_use_up(&owner->refusals)) {
        result.code = owner->refusal;
        result.text = bytes_from_string("refused by script");
    }
    return message_result_encode(&result, &fake->reply);
}

/* Nothing waits for node 1's disk while the test, or the fake node, looks in; returns what to give
 * back. (How a node lets frames wait is tests/unit/node's.) */
static uint32_t fake_warm(struct fake_courier *fake, uint64_t node, uint32_t percent)
{
    uint32_t before = fake->owners[node].fickle->cold_percent;
    fake->owners[node].fickle->cold_percent = percent;
    return before;
}

static void fake_deliver_ask(struct fake_courier *fake, uint64_t node, struct bytes payload)
{
    uint32_t kind;
    uint64_t id;
    int result = SHOAL_EPROTO;
    uint32_t cold_percent = fake_warm(fake, node, 0);
    buffer_clear(&fake->reply);
    ASSERT(frame_validate(payload) == 0 && frame_peek(payload, &kind, &id) == 0);
    switch (kind) {
    case MESSAGE_STORE:
        result = fake_on_store(fake, node, payload);
        break;
    case MESSAGE_FETCH:
        result = fake_on_fetch(fake, node, payload);
        break;
    case MESSAGE_SCAN:
        result = fake_on_scan(fake, node, payload);
        break;
    default:
        result = fake_on_forward(fake, node, payload);
        break;
    }
    (void)fake_warm(fake, node, cold_percent);
    if (result == 0) {
        fake_answer_with(fake, node);
    }
}

static void fake_deliver_answer(struct fake_courier *fake, uint64_t node, struct bytes payload)
{
    struct coordinator *coordinator = &fake->coordinator;
    struct message_stored stored;
    struct message_fetched fetched;
    struct message_scanned scanned;
    struct message_result result;
    uint32_t kind;
    uint64_t id;
    ASSERT(frame_validate(payload) == 0 && frame_peek(payload, &kind, &id) == 0);
    if (kind == MESSAGE_STORED && message_stored_decode(payload, &fake->arena, &stored) == 0) {
        coordinator_on_stored(coordinator, node, &stored);
    } else if (kind == MESSAGE_FETCHED &&
               message_fetched_decode(payload, &fake->arena, &fetched) == 0) {
        coordinator_on_fetched(coordinator, node, &fetched);
    } else if (kind == MESSAGE_SCANNED &&
               message_scanned_decode(payload, &fake->arena, &scanned) == 0) {
        coordinator_on_scanned(coordinator, node, &scanned, payload);
    } else if (kind == MESSAGE_RESULT &&
               message_result_decode(payload, &fake->arena, &result) == 0) {
        coordinator_on_result(coordinator, node, &result);
    }
}

/* ---- the courier ---- */

static uint64_t fake_learn(void *self, uint64_t view_digest, struct bytes view)
{
    struct fake_courier *fake = self;
    for (uint32_t i = 0; i < fake->learned_count; i++) {
        if (fake->learned_digest[i] == view_digest && i >= fake->coordinator.ticket_void) {
            return i + 1;
        }
    }
    if (fake->refuses_to_learn || view_decode(view, &fake->learned[fake->learned_count]) < 0) {
        return COURIER_NO_TICKET;
    }
    fake->learned_digest[fake->learned_count] = view_digest;
    ASSERT(fake->learned_count < 15);
    return ++fake->learned_count;
}

static void fake_copy_text(char *to, size_t size, struct bytes from)
{
    size_t len = from.len < size - 1 ? from.len : size - 1;
    if (len > 0) {
        memcpy(to, from.data, len);
    }
    to[len] = '\0';
}

static struct bytes fake_copy(uint8_t *to, size_t size, struct bytes from)
{
    ASSERT(from.len <= size);
    if (from.data == NULL) {
        return from;
    }
    memcpy(to, from.data, from.len);
    return bytes_make(to, from.len);
}

static void fake_complete(void *self, struct request *request, const struct outcome *outcome)
{
    struct fake_courier *fake = self;
    struct fake_answer *answer = request->user;
    ASSERT(!answer->done); /* exactly once */
    answer->done = true;
    answer->done_us = fake->now.mono_us;
    answer->code = outcome->code;
    answer->owners = outcome->owners;
    answer->fallbacks = outcome->fallbacks;
    answer->needed = outcome->needed;
    answer->number = outcome->number;
    fake_copy_text(answer->text, sizeof(answer->text), outcome->text);
    answer->context =
        fake_copy(answer->context_bytes, sizeof(answer->context_bytes), outcome->context);
    answer->after = fake_copy(answer->after_bytes, sizeof(answer->after_bytes), outcome->after);
    for (uint32_t i = 0; i < outcome->value_count && i < 8; i++) {
        fake_copy_text(answer->values[i], sizeof(answer->values[i]), outcome->values[i].value);
        answer->expiries[i] = outcome->values[i].expiry_ms;
        answer->counters[i] = outcome->values[i].counter;
    }
    answer->value_count = outcome->value_count;
    for (uint32_t i = 0; i < outcome->entry_count && i < 64; i++) {
        fake_copy_text(answer->keys[i], sizeof(answer->keys[i]), outcome->entries[i].key);
    }
    answer->key_count = outcome->entry_count;
    /* What was borrowed is gone with the answer. */
    memset(answer->key, 'x', sizeof(answer->key));
    memset(answer->value, 'x', sizeof(answer->value));
}

static void fake_reroute(void *self, struct request *request)
{
    struct fake_courier *fake = self;
    struct fake_answer *answer = request->user;
    answer->rerouted++;
    fake->rerouting = true;
}

static bool fake_clock_ahead(void *self, uint64_t node)
{
    const struct fake_courier *fake = self;
    return fake->owners[node].clock_ahead;
}

static uint32_t fake_storage(void *self, uint64_t node)
{
    const struct fake_courier *fake = self;
    uint32_t own = (uint32_t)replica_health(&fake->owners[node].replica);
    return node == FAKE_SELF && own > fake->owners[node].storage ? own : fake->owners[node].storage;
}

static const char *fake_name(void *self, uint64_t node)
{
    static char name[32];
    (void)self;
    (void)snprintf(name, sizeof(name), "node%u", (unsigned)node);
    return name;
}

/* ---- life ---- */

static void fake_give(struct fake_courier *fake)
{
    fake->coordinator.view = fake->owners[FAKE_SELF].view;
}

static void fake_hold(struct fake_courier *fake, uint64_t node)
{
    struct fake_owner *owner = &fake->owners[node];
    for (uint32_t p = 0; p < FAKE_PARTITIONS; p++) {
        struct holding *holding;
        if (replica_holding(&owner->replica, p) == NULL) {
            ASSERT(replica_begin(&owner->replica, p, false, &holding) == 0);
        }
    }
    (void)fake;
}

static void fake_wire(struct fake_courier *fake)
{
    struct coordinator *coordinator = &fake->coordinator;
    coordinator_init(coordinator);
    coordinator->courier = (struct courier){.self = fake,
                                            .send = fake_send,
                                            .learn = fake_learn,
                                            .complete = fake_complete,
                                            .reroute = fake_reroute,
                                            .clock_ahead = fake_clock_ahead,
                                            .storage = fake_storage,
                                            .name = fake_name};
    coordinator->replica = &fake->owners[FAKE_SELF].replica;
    coordinator->reach = &fake->reach;
    coordinator->timers = &fake->timers;
    coordinator->arena = &fake->arena;
    coordinator->frame = &fake->frame;
    coordinator->token_keys = &fake->token_keys;
    coordinator->self = FAKE_SELF;
    coordinator->request_timeout_us = 2000 * MS;
}

struct fake_courier *fake_courier_new(uint32_t nodes, uint32_t n, uint32_t r, uint32_t w)
{
    struct fake_courier *fake = calloc(1, sizeof(*fake));
    struct cluster_facts facts = ring_facts(FAKE_PARTITIONS, n, r, w);
    ASSERT(fake != NULL && nodes <= FAKE_NODES && crypto_init() == 0);
    fake->node_count = nodes;
    fake->now = (struct moment){.mono_us = 10000 * MS, .wall_ms = 1000000};
    random_init(&fake->random, 42);
    arena_init(&fake->arena, 65536);
    timers_init(&fake->timers);
    buffer_init(&fake->frame, 0);
    buffer_init(&fake->reply, 0);
    reach_init(&fake->reach);
    struct view *view = ring_view_of(&facts, nodes);
    for (uint64_t node = 1; node <= FAKE_NODES; node++) {
        struct fake_owner *owner = &fake->owners[node];
        owner->fickle = fickle_engine_new(FAKE_PARTITIONS);
        replica_init(&owner->replica, &owner->fickle->engine, &fake->random, &fake->arena, 1000);
        owner->view = view_ref(view);
        fake_hold(fake, node);
        if (node != FAKE_SELF) {
            owner->fickle->cold_percent = 0;
            fake_link(fake, node, true);
        }
    }
    view_unref(view);
    fake_wire(fake);
    fake_give(fake);
    return fake;
}

void fake_courier_free(struct fake_courier *fake)
{
    mem_fail_never();
    coordinator_check(&fake->coordinator);
    coordinator_deinit(&fake->coordinator);
    for (uint64_t node = 1; node <= FAKE_NODES; node++) {
        struct fake_owner *owner = &fake->owners[node];
        replica_check(&owner->replica);
        replica_deinit(&owner->replica);
        owner->fickle->engine.ops->free(&owner->fickle->engine);
        view_unref(owner->view);
    }
    for (uint32_t i = 0; i < fake->learned_count; i++) {
        view_unref(fake->learned[i]);
    }
    while (fake->messages != NULL) {
        struct fake_message *message = fake->messages;
        fake->messages = message->next;
        free(message);
    }
    reach_deinit(&fake->reach);
    timers_deinit(&fake->timers);
    buffer_deinit(&fake->frame);
    buffer_deinit(&fake->reply);
    arena_deinit(&fake->arena);
    free(fake);
}

static void fake_enter(struct fake_courier *fake)
{
    arena_reset(&fake->arena);
    fake->coordinator.now = fake->now;
    fake->owners[FAKE_SELF].fickle->engine.now_us = fake->now.mono_us;
}

void fake_link(struct fake_courier *fake, uint64_t node, bool up)
{
    fake->owners[node].linked = up;
    ASSERT(reach_link(&fake->reach, node, up) == 0);
    if (fake->coordinator.view != NULL) {
        fake_enter(fake);
        coordinator_on_link(&fake->coordinator, node, up);
    }
}

void fake_believes(struct fake_courier *fake, uint64_t node, struct view *view)
{
    view_unref(fake->owners[node].view);
    fake->owners[node].view = view;
}

void fake_adopt(struct fake_courier *fake, struct view *view, uint64_t ticket_done)
{
    fake_enter(fake);
    fake_believes(fake, FAKE_SELF, view);
    fake->coordinator.ticket_done = ticket_done;
    fake_give(fake);
    coordinator_adopt(&fake->coordinator);
    coordinator_check(&fake->coordinator);
}

/* ---- requests ---- */

static uint32_t fake_partition(const char *key)
{
    return partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
}

uint64_t fake_owner_of(struct fake_courier *fake, const char *key, uint32_t place)
{
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count =
        layout_owners(view_newest(fake->owners[FAKE_SELF].view), fake_partition(key), owners);
    ASSERT(place < count);
    return owners[place];
}

const char *fake_key(struct fake_courier *fake, uint32_t place)
{
    static char key[16];
    for (unsigned i = 0; i < 10000; i++) {
        (void)snprintf(key, sizeof(key), "key%u", i);
        uint64_t owners[LIMIT_REPLICAS];
        uint32_t count =
            layout_owners(view_newest(fake->owners[FAKE_SELF].view), fake_partition(key), owners);
        uint32_t at = FAKE_ALWAYS;
        for (uint32_t k = 0; k < count; k++) {
            at = owners[k] == FAKE_SELF ? k : at;
        }
        if (at == place) {
            return key;
        }
    }
    ASSERT(false);
    return NULL;
}

static void fake_start(struct fake_courier *fake, struct request *request)
{
    fake_enter(fake);
    coordinator_start(&fake->coordinator, request);
    coordinator_check(&fake->coordinator);
}

struct fake_answer *fake_begin(struct fake_courier *fake, const struct request *request)
{
    ASSERT(fake->answer_count < FAKE_ANSWERS);
    struct fake_answer *answer = &fake->answers[fake->answer_count++];
    *answer = (struct fake_answer){.request = *request, .code = FAKE_PENDING};
    struct request *mine = &answer->request;
    mine->user = answer;
    mine->key = fake_copy((uint8_t *)answer->key, sizeof(answer->key), request->key);
    mine->value = fake_copy((uint8_t *)answer->value, sizeof(answer->value), request->value);
    mine->context = fake_copy(answer->token, sizeof(answer->token), request->context);
    mine->deadline_us =
        fake->now.mono_us + (request->options.timeout_us == 0 ? fake->coordinator.request_timeout_us
                                                              : request->options.timeout_us);
    if (mine->op != REQUEST_LIST) {
        fake_enter(fake);
        mine->partition = partition_of_key(mine->key, FAKE_PARTITIONS);
        mine->forward =
            !mine->forwarded && !coordinator_is_ours(&fake->coordinator, mine, mine->partition);
    }
    fake_start(fake, mine);
    return answer;
}

struct fake_answer *fake_put(struct fake_courier *fake, const char *key, const char *value,
                             struct bytes context)
{
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string(value),
                              .context = context};
    return fake_begin(fake, &request);
}

struct fake_answer *fake_get(struct fake_courier *fake, const char *key)
{
    struct request request = {.op = REQUEST_GET, .key = bytes_from_string(key)};
    return fake_begin(fake, &request);
}

struct fake_answer *fake_delete(struct fake_courier *fake, const char *key, struct bytes context)
{
    struct request request = {
        .op = REQUEST_DELETE, .key = bytes_from_string(key), .context = context};
    return fake_begin(fake, &request);
}

struct fake_answer *fake_add(struct fake_courier *fake, const char *key, int64_t delta)
{
    struct request request = {.op = REQUEST_ADD, .key = bytes_from_string(key), .delta = delta};
    return fake_begin(fake, &request);
}

struct fake_answer *fake_expire(struct fake_courier *fake, const char *key, uint64_t expiry_ms)
{
    struct request request = {
        .op = REQUEST_EXPIRE, .key = bytes_from_string(key), .expiry_ms = expiry_ms};
    return fake_begin(fake, &request);
}

struct fake_answer *fake_list(struct fake_courier *fake, const char *prefix, uint32_t limit,
                              struct bytes after)
{
    struct request request = {
        .op = REQUEST_LIST, .key = bytes_from_string(prefix), .limit = limit, .context = after};
    return fake_begin(fake, &request);
}

/* ---- time ---- */

static void fake_join_learned(struct fake_courier *fake)
{
    while (fake->joins_at_once && fake->joined < fake->learned_count) {
        struct view *joined;
        ASSERT(view_join(fake->owners[FAKE_SELF].view, fake->learned[fake->joined], &joined) == 0);
        fake->joined++;
        fake_adopt(fake, joined, fake->joined);
    }
}

static void fake_restart_rerouted(struct fake_courier *fake)
{
    fake->rerouting = false;
    for (uint32_t i = 0; i < fake->answer_count; i++) {
        struct fake_answer *answer = &fake->answers[i];
        if (answer->rerouted > 0 && !answer->done && answer->request.forwarded) {
            answer->rerouted = 0;
            fake_start(fake, &answer->request);
        }
    }
}

static void fake_deliver_first(struct fake_courier *fake)
{
    struct fake_message *message = fake->messages;
    ASSERT(message != NULL);
    struct bytes payload =
        bytes_make(message->bytes + FRAME_PREFIX_BYTES, message->len - FRAME_PREFIX_BYTES);
    fake->messages = message->next;
    fake->now.mono_us = message->at_us;
    fake_enter(fake);
    if (message->answer) {
        fake_deliver_answer(fake, message->node, payload);
    } else {
        fake_deliver_ask(fake, message->node, payload);
    }
    free(message);
}

void fake_run(struct fake_courier *fake, uint64_t us)
{
    uint64_t end_us = fake->now.mono_us + us;
    for (;;) {
        if (fake->rerouting) {
            fake_restart_rerouted(fake);
        }
        uint64_t timer_us = timers_next_us(&fake->timers);
        uint64_t message_us = fake->messages == NULL ? TIMERS_NEVER : fake->messages->at_us;
        struct engine *engine = &fake->owners[FAKE_SELF].fickle->engine;
        uint64_t disk_us = engine->ops->next_us(engine);
        uint64_t next_us = timer_us < message_us ? timer_us : message_us;
        next_us = disk_us < next_us ? disk_us : next_us;
        if (next_us > end_us) {
            break;
        }
        if (disk_us == next_us) {
            fake->now.mono_us = disk_us > fake->now.mono_us ? disk_us : fake->now.mono_us;
            fake_enter(fake);
            engine->ops->flush(engine);
        } else if (message_us <= timer_us) {
            fake_deliver_first(fake);
        } else {
            fake->now.mono_us = timer_us > fake->now.mono_us ? timer_us : fake->now.mono_us;
            fake_enter(fake);
            timers_fire(&fake->timers, fake->now.mono_us);
        }
        coordinator_check(&fake->coordinator);
        fake_join_learned(fake);
    }
    fake->now.mono_us = end_us;
}

/* ---- what is held ---- */

struct object fake_held(struct fake_courier *fake, uint64_t node, const char *key)
{
    struct replica *replica = &fake->owners[node].replica;
    struct engine_key wanted = replica_key(replica, fake_partition(key), bytes_from_string(key));
    struct object object;
    uint32_t cold_percent = fake_warm(fake, node, 0);
    ASSERT(replica_read(replica, &wanted, &object) == 0);
    (void)fake_warm(fake, node, cold_percent);
    return object;
}

uint32_t fake_holders(struct fake_courier *fake, const char *key, const char *value)
{
    uint32_t count = 0;
    for (uint64_t node = 1; node <= fake->node_count; node++) {
        struct object object = fake_held(fake, node, key);
        for (uint32_t i = 0; i < object.sibling_count; i++) {
            count += bytes_equal(object.siblings[i].value, bytes_from_string(value)) ? 1 : 0;
        }
    }
    return count;
}

void fake_plant(struct fake_courier *fake, uint64_t node, const char *key, const char *value,
                uint64_t actor, uint64_t counter)
{
    struct replica *replica = &fake->owners[node].replica;
    struct engine_key wanted = replica_key(replica, fake_partition(key), bytes_from_string(key));
    struct dot dot = {.actor = actor, .counter = counter};
    struct sibling sibling = {.dot = dot, .hlc = counter, .value = bytes_from_string(value)};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    ASSERT(object_encode(&object, &encoded) == 0);
    uint32_t cold_percent = fake_warm(fake, node, 0);
    int result = replica_store(replica, &wanted, buffer_bytes(&encoded), fake->now.wall_ms, NULL);
    (void)fake_warm(fake, node, cold_percent);
    ASSERT(result == REPLICA_DONE || result == REPLICA_HELD);
    buffer_deinit(&encoded);
}
