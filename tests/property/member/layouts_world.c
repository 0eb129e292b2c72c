#include "layouts_world.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_say(struct world *world, const char *format, ...)
{
    if (world->tracing) {
        va_list arguments;
        va_start(arguments, format);
        fprintf(stderr, "%5u  ", world->now);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
    }
}

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failure[0] == 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(world->failure, sizeof(world->failure), format, arguments);
        va_end(arguments);
    }
}

bool writes_empty(const struct writes *writes)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < 8; i++) {
        any |= writes->words[i];
    }
    return any == 0;
}

bool writes_equal(const struct writes *a, const struct writes *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

void writes_join(struct writes *into, const struct writes *from)
{
    for (uint32_t i = 0; i < 8; i++) {
        into->words[i] |= from->words[i];
    }
}

void writes_add(struct writes *writes, int write)
{
    ASSERT(write >= 0 && write < 8 * 64);
    writes->words[write / 64] |= UINT64_C(1) << write % 64;
}

struct writes writes_less(const struct writes *a, const struct writes *b, const struct writes *c)
{
    struct writes left;
    for (uint32_t i = 0; i < 8; i++) {
        left.words[i] = a->words[i] & ~b->words[i] & ~c->words[i];
    }
    return left;
}

uint32_t world_below(struct world *world, uint32_t bound)
{
    return (uint32_t)random_below(&world->random, bound);
}

bool world_chance(struct world *world, double probability)
{
    return random_chance(&world->random, probability);
}

uint32_t owners_mask(const struct layout *layout, uint32_t partition)
{
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(layout, partition, owners);
    uint32_t mask = 0;
    for (uint32_t i = 0; i < count; i++) {
        mask |= 1u << (owners[i] - 1);
    }
    return mask;
}

static uint32_t nodes_mask(const uint64_t *nodes, uint32_t count)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < count; i++) {
        mask |= 1u << (nodes[i] - 1);
    }
    return mask;
}

uint32_t removed_mask(const struct view *view)
{
    return nodes_mask(view->removed, view->removed_count);
}

uint32_t counted_mask(const struct view *view)
{
    return nodes_mask(view->counted, view->counted_count);
}

bool view_owns_at(const struct view *view, uint32_t n, uint32_t partition)
{
    return view_owns(view, n + 1, partition);
}

uint32_t view_owners_mask(const struct view *view, uint32_t partition)
{
    uint32_t owners = 0;
    for (uint32_t i = 0; i < view->live_count; i++) {
        owners |= owners_mask(view->live[i].layout, partition);
    }
    return owners & ~removed_mask(view);
}

/* Letters. */

void letters_add(struct letters *letters, struct letter letter)
{
    if (letters->count == letters->capacity) {
        letters->capacity = letters->capacity * 2 + 64;
        letters->items = realloc(letters->items, letters->capacity * sizeof(*letters->items));
        ASSERT(letters->items != NULL);
    }
    letters->items[letters->count++] = letter;
}

struct letter letters_take(struct letters *letters, uint32_t index)
{
    struct letter letter = letters->items[index];
    letters->items[index] = letters->items[--letters->count];
    return letter;
}

void letters_clear(struct letters *letters)
{
    for (uint32_t i = 0; i < letters->count; i++) {
        view_unref(letters->items[i].view);
    }
    free(letters->items);
    *letters = (struct letters){0};
}

void letter_send(struct world *world, struct letter letter, const struct view *view)
{
    bool request = letter.kind == WRITE || letter.kind == READ || letter.kind == ANSWER;
    letter.view = view_ref(view);
    letters_add(request && world_chance(world, world->lag) ? &world->late : &world->net, letter);
}

/* Nodes. */

static void operation_free(struct operation *operation)
{
    view_unref(operation->known);
    free(operation);
}

void node_forget_operations(struct world_node *node)
{
    for (uint32_t i = 0; i < node->operation_count; i++) {
        operation_free(node->operations[i]);
    }
    node->operation_count = 0;
}

/* What is durable stays: the view and the data. */
void node_crash(struct world_node *node)
{
    node->up = false;
    node->paused = false;
    node_forget_operations(node);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        struct place *place = &node->places[p];
        fill_init(&place->fill, p);
        place->synced = (struct content_hash){0};
        place->release_id = 0;
        place->released = 0;
    }
    for (uint32_t i = 0; i < node->owed_count; i++) {
        node->owed[i].round = 0;
        node->owed[i].confirmed = 0;
    }
    if (MUTANT(view_forgotten)) {
        view_unref(node->view);
        node->view = view_ref(node->stable);
    }
}

void node_store(struct world *world, struct world_node *node, uint32_t partition,
                const struct writes *data)
{
    writes_join(&node->places[partition].data, data);
    if (!(world->ever_removed >> node->n & 1)) {
        writes_join(&world->held[partition], data);
    }
}

/* The writes that a removal may have lost. */
static void losses_declare(struct world *world, const struct world_node *node)
{
    uint32_t list[WORLD_PARTITIONS];
    uint32_t count = view_may_lose(node->view, list, WORLD_PARTITIONS);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t p = list[i];
        if (!world->declared[p]) {
            world_say(world, "n%u: p%u may have lost writes", node->n, p);
        }
        world->declared[p] = true;
        writes_join(&world->excused[p], &world->acked[p]);
    }
}

/* What this node says of the partition counts already: it was in force before it began here. */
static bool place_counts(const struct world_node *node, uint32_t p)
{
    const struct view *view = node->view;
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (layout_owns(view->live[i].layout, node->n + 1, p) &&
            (i <= view->read_index || view_marked(view, i, MARK_SYNCED, node->n + 1))) {
            return true;
        }
    }
    return false;
}

/* Holdings begin, and those that are owned again are kept. */
static void places_adopt(struct world *world, struct world_node *node)
{
    for (uint32_t p = 0; p < world->partitions; p++) {
        struct place *place = &node->places[p];
        if (!view_owns_at(node->view, node->n, p)) {
            continue;
        }
        if (!MUTANT(release_stale)) {
            place->release_id = 0;
            place->released = 0;
        }
        if (place->actor == 0) {
            place->actor = ++world->ids;
            place->refilling = place_counts(node, p);
        }
    }
}

/* Layouts have what someone has committed, and nothing else. */
static void check_layout(struct world *world, const struct world_node *node,
                         const struct layout *layout)
{
    for (uint32_t i = 0; i < layout->roles.count; i++) {
        const struct role *role = &layout->roles.items[i];
        if (role->staged || !change_is_known(world, role, true)) {
            world_fail(world, "check 3: n%u knows a layout with a change of n%llu nobody committed",
                       node->n, (unsigned long long)(role->node - 1));
        }
    }
}

void node_adopt(struct world *world, struct world_node *node, struct view *view)
{
    struct view *old = node->view;
    if (view->digest == old->digest) {
        view_unref(view);
        return;
    }
    node->view = view;
    if (!view_check(view)) {
        world_fail(world, "n%u: its view breaks the rules of views", node->n);
    }
    if (layout_key_compare(&view->floor, &old->floor) != 0) {
        world->dropped_count++;
        world_say(world, "n%u: all older than version %llu go", node->n,
                  (unsigned long long)view->floor.version);
    }
    if (layout_key_compare(&view_newest(view)->key, &view_newest(old)->key) != 0) {
        check_layout(world, node, view_newest(view));
    }
    if (view_removed(view, node->n + 1)) {
        node_forget_operations(node);
    }
    losses_declare(world, node);
    for (uint32_t i = 0; i < view_newest(view)->member_count; i++) {
        world->joined |= 1u << (view_newest(view)->members[i].node - 1);
    }
    places_adopt(world, node);
    view_unref(old);
}

/* Now and then over the wire. */
static struct view *view_travel(struct world *world, const struct view *view)
{
    struct view *arrived = NULL;
    if (!world_chance(world, 0.02)) {
        return view_ref(view);
    }
    struct buffer buffer;
    buffer_init(&buffer, 0);
    ASSERT(view_encode(view, &buffer) == 0);
    if (view_decode(buffer_bytes(&buffer), &arrived) != 0 || arrived->digest != view->digest) {
        world_fail(world, "a view did not survive its encoding");
        view_unref(arrived);
        arrived = view_ref(view);
    }
    buffer_deinit(&buffer);
    return arrived;
}

void node_learn(struct world *world, struct world_node *node, const struct view *view)
{
    struct view *joined;
    if (view->digest == node->view->digest) {
        return;
    }
    struct view *arrived = view_travel(world, view);
    if (view_join(node->view, arrived, &joined) != 0) {
        world_fail(world, "n%u: views do not join", node->n);
    } else {
        node_adopt(world, node, joined);
    }
    view_unref(arrived);
}

/* The world. */

#define PICK(world, ...)                                                                           \
    (((const double[]){                                                                            \
        __VA_ARGS__})[world_below(world, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))])

static void hostility_choose(struct world *world, uint32_t members)
{
    world->loss = PICK(world, 0, .05, .2);
    world->repeat = PICK(world, 0, .1);
    world->reach = PICK(world, .35, .6, 1);
    for (uint32_t i = world_below(world, 3); i > 0; i--) {
        world->slow |= 1u << world_below(world, world->node_count);
    }
    world->steps = (uint32_t)PICK(world, 300, 500, 800);
    const double weights[7] = {
        60, PICK(world, 25, 40), 3, 3, PICK(world, 1, 3), PICK(world, .3, 1, 2, 4), 6};
    memcpy(world->weights, weights, sizeof(weights));
    world->by_base = world_chance(world, .5);
    world->aloof = world_chance(world, .6);
    world->changes = (uint32_t)PICK(world, 1, 2, 3, 5, 8);
    world->losable = (uint32_t)PICK(world, 0, 1, 2, 3);
    world->losable = world->losable < members - WORLD_N ? world->losable : members - WORLD_N;
    world->lag = PICK(world, 0, .15, .15, .4);
    world->sloppy = PICK(world, 0, 0, .1, .3);
    if (world_chance(world, .3)) {
        world->disks = (uint32_t)PICK(world, 1, 2, 4);
        world->losable = 0; /* a disk and a removal together are more than W - 1 */
    }
    world->deadline = world_chance(world, .5) ? 8 : 80;
}

/* The view of a cluster that has settled with this many members. */
static struct view *view_start(struct world *world, uint32_t members)
{
    struct cluster_facts facts = {.id = 1,
                                  .name = "model",
                                  .partitions = world->partitions,
                                  .n = WORLD_N,
                                  .r = WORLD_R,
                                  .w = WORLD_W};
    struct role role = {.node = 1, .author = 1, .weight = 1};
    struct view *view;
    struct view *next;
    ASSERT(view_found(&facts, &role, &view) == 0);
    for (role.node = 2; role.node <= members; role.node++) {
        ASSERT(view_with_role(view, &role, &next) == 0);
        view_unref(view);
        view = next;
    }
    ASSERT(view_commit(view, &next) == 0);
    view_unref(view);
    view = next;
    for (uint64_t node = 1; node <= members; node++) {
        for (uint32_t kind = MARK_SEEN; kind <= MARK_ALL_SYNCED; kind *= 2) {
            struct layout_key newest = view_newest(view)->key;
            ASSERT(view_with_mark(view, &newest, (enum mark_kind)kind, node, &next) >= 0);
            view_unref(view);
            view = next;
        }
    }
    ASSERT(view_drop_synced(view, &next) == 0);
    view_unref(view);
    return next;
}

/* All that the first layout has counts as asked for and committed. */
static void start(struct world *world, uint32_t members)
{
    struct view *view = view_start(world, members);
    const struct roles *roles = &view->roles;
    world->asked = calloc(roles->count, sizeof(*world->asked));
    ASSERT(world->asked != NULL);
    for (uint32_t i = 0; i < roles->count; i++) {
        world->asked[world->asked_count++] =
            (struct asked){.role = roles->items[i], .committed = (1u << WORLD_NODES) - 1};
    }
    for (uint32_t n = 0; n < world->node_count; n++) {
        struct world_node *node = &world->nodes[n];
        *node = (struct world_node){
            .n = n, .view = view_ref(view), .stable = view_ref(view), .up = true};
        for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
            fill_init(&node->places[p].fill, p);
            if (p < world->partitions && view_owns_at(view, n, p)) {
                node->places[p].actor = ++world->ids;
            }
        }
    }
    world->joined = (1u << members) - 1;
    view_unref(view);
}

void world_init(struct world *world, uint64_t seed, bool tracing)
{
    *world = (struct world){.tracing = tracing};
    random_init(&world->random, seed);
    world->node_count = (uint32_t)PICK(world, 5, 6, 7, 7);
    uint32_t members = (uint32_t)PICK(world, 5, 5, 6, 7);
    members = members < world->node_count ? members : world->node_count;
    world->partitions = (uint32_t)PICK(world, 1, 2, 4);
    hostility_choose(world, members);
    start(world, members);
}

void world_init_calm(struct world *world, uint32_t nodes, uint32_t members, uint32_t partitions,
                     bool tracing)
{
    ASSERT(nodes <= WORLD_NODES && members <= nodes && partitions <= WORLD_PARTITIONS);
    *world = (struct world){.tracing = tracing,
                            .node_count = nodes,
                            .partitions = partitions,
                            .reach = 1,
                            .deadline = UINT32_MAX};
    random_init(&world->random, 1);
    start(world, members);
}

void world_deinit(struct world *world)
{
    for (uint32_t n = 0; n < world->node_count; n++) {
        node_forget_operations(&world->nodes[n]);
        view_unref(world->nodes[n].stable);
        view_unref(world->nodes[n].view);
    }
    letters_clear(&world->net);
    letters_clear(&world->late);
    free(world->asked);
    free(world->helped);
}
