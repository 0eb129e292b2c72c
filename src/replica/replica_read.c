/* Reading what is held: whole, or only the context of it, which the engine's index often tells
 * without a read (one sibling whose dot is the whole context: nearly every object). See replica.h.
 */
#include "base/buffer.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

struct engine_key replica_key(const struct replica *replica, uint32_t partition, struct bytes key)
{
    return engine_key_of(&replica->position_secret, partition, key);
}

void replica_expect(const struct replica *replica, const struct engine_key *key)
{
    const struct holding *holding = replica_holding(replica, key->partition);
    const struct engine *engine = replica->engine;
    if (holding != NULL) {
        live_tree_prefetch(&holding->tree, key->position);
    }
    if (engine->ops->expect != NULL) {
        engine->ops->expect(engine, key);
    }
}

void replica_expect_more(const struct replica *replica, const struct engine_key *key)
{
    if (replica->engine->ops->expect_more != NULL) {
        replica->engine->ops->expect_more(replica->engine, key);
    }
}

int replica_read_encoded(struct replica *replica, const struct engine_key *key,
                         struct bytes *encoded)
{
    struct engine *engine = replica->engine;
    int result = engine->ops->get(engine, key, waiting_ticket(&replica->reads), encoded);
    if (result == SHOAL_ENOTFOUND) {
        *encoded = bytes_make(NULL, 0);
        return REPLICA_DONE;
    }
    return result == 1 ? REPLICA_PENDING : result;
}

int replica_read(struct replica *replica, const struct engine_key *key, struct object *out)
{
    struct bytes encoded;
    int result = replica_read_encoded(replica, key, &encoded);
    if (result != REPLICA_DONE) {
        return result;
    }
    if (encoded.data == NULL) {
        *out = object_empty();
        return REPLICA_DONE;
    }
    return object_decode(replica->arena, encoded, out);
}

/* The dot of what is held, where that is known and all there is: REPLICA_DONE and *dot (its actor
 * 0: nothing is held), or REPLICA_PENDING: it must be read. */
static int replica_brief(struct replica *replica, const struct engine_key *key, struct dot *dot)
{
    struct engine_brief brief;
    if (replica->engine->ops->brief(replica->engine, key, &brief) == SHOAL_ENOTFOUND) {
        *dot = (struct dot){0};
        return REPLICA_DONE;
    }
    *dot = brief.dot;
    return brief.simple ? REPLICA_DONE : REPLICA_PENDING;
}

int replica_context(struct replica *replica, const struct engine_key *key,
                    struct version_vector *out)
{
    struct dot dot;
    if (replica_brief(replica, key, &dot) == REPLICA_DONE) {
        struct dot *entry = arena_alloc(replica->arena, sizeof(*entry));
        if (entry == NULL) {
            return SHOAL_ENOMEM;
        }
        *entry = dot;
        *out = (struct version_vector){.entries = entry, .count = dot.actor == 0 ? 0 : 1};
        return REPLICA_DONE;
    }
    struct object held;
    int result = replica_read(replica, key, &held);
    if (result == SHOAL_EDAMAGED) {
        *out = (struct version_vector){0};
        return REPLICA_DONE;
    }
    if (result == REPLICA_DONE) {
        *out = held.context;
    }
    return result;
}

/* Encodes into the arena, without values. */
static int replica_encode_stripped(struct replica *replica, const struct object *object,
                                   struct bytes *encoded)
{
    struct buffer stripped;
    buffer_init(&stripped, 0);
    int result = object_encode_stripped(object, &stripped);
    if (result == 0) {
        struct bytes copy = arena_copy(replica->arena, buffer_bytes(&stripped));
        result = copy.data == NULL ? SHOAL_ENOMEM : 0;
        *encoded = result == 0 ? copy : *encoded;
    }
    buffer_deinit(&stripped);
    return result;
}

int replica_strip(struct replica *replica, struct bytes *encoded)
{
    struct object object;
    int result = object_decode(replica->arena, *encoded, &object);
    return result < 0 ? result : replica_encode_stripped(replica, &object, encoded);
}

int replica_versions(struct replica *replica, const struct engine_key *key, struct bytes *encoded)
{
    struct dot dot;
    struct bytes held = bytes_make(NULL, 0);
    int result = replica_brief(replica, key, &dot);
    if (result == REPLICA_DONE && dot.actor != 0) {
        struct sibling sibling = {.dot = dot};
        struct object object = {
            .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
        result = replica_encode_stripped(replica, &object, &held);
    } else if (result == REPLICA_PENDING) {
        result = replica_read_encoded(replica, key, &held);
        if (result == SHOAL_EDAMAGED) {
            held = bytes_make(NULL, 0);
            result = REPLICA_DONE;
        } else if (result == REPLICA_DONE && held.data != NULL) {
            result = replica_strip(replica, &held);
        }
    }
    if (result == REPLICA_DONE) {
        *encoded = held;
    }
    return result;
}

/* ---- by place ---- */

struct replica_search {
    struct replica *replica;
    uint64_t position;
    struct dot dot;
    uint16_t tag;
    struct replica_found *found;
    int result; /* SHOAL_ENOTFOUND until it has been found */
};

static bool replica_search_matches(const struct replica_search *search,
                                   const struct engine_key *key, const struct object *object)
{
    if (search->dot.actor == 0) {
        return key->tag == search->tag;
    }
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (dot_equal(object->siblings[i].dot, search->dot)) {
            return true;
        }
    }
    return false;
}

static bool replica_search_visit(void *self, const struct engine_entry *entry)
{
    struct replica_search *search = self;
    struct replica *replica = search->replica;
    if (entry->position != search->position) {
        return false;
    }
    struct object object;
    struct engine_key key = replica_key(replica, search->found->key.partition, entry->key);
    if (object_decode(replica->arena, entry->record, &object) < 0 ||
        !replica_search_matches(search, &key, &object)) {
        return true;
    }
    struct bytes record = arena_copy(replica->arena, entry->record);
    key.key = arena_copy(replica->arena, entry->key);
    if (record.data == NULL || (key.key.data == NULL && key.key.len > 0)) {
        search->result = SHOAL_ENOMEM;
        return false;
    }
    search->found->key = key;
    search->result = object_decode(replica->arena, record, &search->found->object);
    return false;
}

int replica_find(struct replica *replica, uint32_t partition, uint64_t position, struct dot dot,
                 uint16_t tag, struct replica_found *out)
{
    struct replica_found found = {.key.partition = partition};
    struct replica_search search = {.replica = replica,
                                    .position = position,
                                    .dot = dot,
                                    .tag = tag,
                                    .found = &found,
                                    .result = SHOAL_ENOTFOUND};
    uint64_t next = 0;
    int result = replica->engine->ops->walk(replica->engine, partition, position,
                                            waiting_ticket(&replica->reads), replica_search_visit,
                                            &search, &next);
    if (result < 0) {
        return result;
    }
    if (search.result == 0) {
        *out = found;
    }
    bool pending = search.result == SHOAL_ENOTFOUND && result == 2 && next == position;
    return pending ? REPLICA_PENDING : search.result;
}
