#include "support/ring_history.h"

#include "base/assert.h"
#include "shoal/error.h"

#include <stdio.h>

struct cluster_facts ring_facts(uint32_t partitions, uint32_t n, uint32_t r, uint32_t w)
{
    return (struct cluster_facts){
        .id = 77, .name = "test", .partitions = partitions, .n = n, .r = r, .w = w};
}

struct role ring_role(uint64_t node, enum role_kind kind)
{
    struct role role = {.node = node, .author = node, .kind = kind, .weight = 1, .zone = "a"};
    snprintf(role.name, sizeof(role.name), "node%llu", (unsigned long long)node);
    return role;
}

struct view *ring_view(const struct cluster_facts *facts)
{
    struct role founder = ring_role(1, ROLE_IN);
    struct view *view;
    ASSERT(view_found(facts, &founder, &view) == 0);
    return view;
}

struct view *ring_view_commit(struct view *view, const struct role *role)
{
    struct view *staged;
    struct view *committed;
    ASSERT(view_with_role(view, role, &staged) >= 0);
    view_unref(view);
    ASSERT(view_commit(staged, &committed) >= 0);
    view_unref(staged);
    return committed;
}

static struct view *mark_everything(struct view *view)
{
    static const enum mark_kind kinds[] = {MARK_SEEN, MARK_SYNCED, MARK_ALL_SYNCED};
    struct layout_key newest = view_newest(view)->key;
    struct view *next;
    for (uint32_t i = 0; i < view->counted_count; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            ASSERT(view_with_mark(view, &newest, kinds[k], view->counted[i], &next) >= 0);
            view_unref(view);
            view = next;
        }
    }
    ASSERT(view_drop_synced(view, &next) >= 0);
    view_unref(view);
    return next;
}

struct view *ring_view_of(const struct cluster_facts *facts, uint32_t count)
{
    struct view *view = ring_view(facts);
    for (uint32_t node = 2; node <= count; node++) {
        struct role role = ring_role(node, ROLE_IN);
        struct view *staged;
        ASSERT(view_with_role(view, &role, &staged) == 0);
        view_unref(view);
        view = staged;
    }
    struct view *committed;
    ASSERT(view_commit(view, &committed) >= 0);
    view_unref(view);
    return mark_everything(committed);
}

void ring_history_init(struct ring_history *history, struct random *random)
{
    uint32_t n = 1 + (uint32_t)random_below(random, 4);
    struct cluster_facts facts =
        ring_facts(1u << random_below(random, 4), n, 1 + (uint32_t)random_below(random, n),
                   1 + (uint32_t)random_below(random, n));
    struct view *view = ring_view_of(&facts, 1 + (uint32_t)random_below(random, 5));
    for (uint32_t i = 0; i < RING_HISTORY_NODES; i++) {
        history->views[i] = view_ref(view);
    }
    view_unref(view);
}

void ring_history_deinit(struct ring_history *history)
{
    for (uint32_t i = 0; i < RING_HISTORY_NODES; i++) {
        view_unref(history->views[i]);
    }
}

static struct role role_random(struct random *random)
{
    static const char *const zones[] = {"a", "b", ""};
    struct role role = ring_role(1 + random_below(random, RING_HISTORY_IDS),
                                 random_chance(random, 0.6)   ? ROLE_IN
                                 : random_chance(random, 0.7) ? ROLE_OUT
                                                              : ROLE_REMOVED);
    role.author = 1 + random_below(random, RING_HISTORY_NODES);
    role.weight = 1 + (uint32_t)random_below(random, 3);
    role.staged = random_chance(random, 0.5);
    snprintf(role.zone, sizeof(role.zone), "%s", zones[random_below(random, 3)]);
    return role;
}

/* A mark of any kind, by anyone, for any live layout. */
static int mark_random(struct random *random, const struct view *view, struct view **out)
{
    uint32_t index = (uint32_t)random_below(random, view->live_count);
    enum mark_kind kind = (enum mark_kind)(1u << random_below(random, 3));
    uint64_t node = view->roles.items[random_below(random, view->roles.count)].node;
    return view_with_mark(view, &view->live[index].layout->key, kind, node, out);
}

/* Marks by many, so that layouts do go. */
static int marks_random(struct random *random, const struct view *view, struct view **out)
{
    struct view *now = view_ref(view);
    uint32_t count = (uint32_t)random_below(random, 60);
    for (uint32_t i = 0; i < count; i++) {
        struct view *next;
        ASSERT(mark_random(random, now, &next) >= 0);
        view_unref(now);
        now = next;
    }
    *out = now;
    return 0;
}

static int step(struct random *random, enum ring_step kind, const struct view *view,
                const struct view *other, struct view **out)
{
    struct role role = role_random(random);
    switch (kind) {
    case RING_ASK:
        return view_with_role(view, &role, out);
    case RING_COMMIT:
        return view_commit(view, out);
    case RING_UNSTAGE:
        return view_unstage(view, out);
    case RING_CANCEL:
        return view_cancel(view, out);
    case RING_DROP:
        return view_drop_synced(view, out);
    case RING_JOIN:
        return view_join(view, other, out);
    default:
        return random_chance(random, 0.5) ? marks_random(random, view, out)
                                          : mark_random(random, view, out);
    }
}

bool ring_history_step(struct ring_history *history, struct random *random)
{
    /* Changes are asked for and committed more often than taken back. */
    static const enum ring_step kinds[] = {RING_ASK,     RING_ASK,    RING_COMMIT, RING_COMMIT,
                                           RING_UNSTAGE, RING_CANCEL, RING_MARKS,  RING_MARKS,
                                           RING_MARKS,   RING_DROP,   RING_JOIN,   RING_JOIN};
    uint32_t at = (uint32_t)random_below(random, RING_HISTORY_NODES);
    struct view *other = history->views[random_below(random, RING_HISTORY_NODES)];
    struct view *next = NULL;
    history->at = at;
    history->last = kinds[random_below(random, sizeof(kinds) / sizeof(kinds[0]))];
    int r = step(random, history->last, history->views[at], other, &next);
    if (r < 0) {
        return r != SHOAL_ENOMEM;
    }
    struct view *joined;
    ASSERT(view_join(next, history->views[at], &joined) == 0);
    bool grows = joined == next;
    view_unref(joined);
    view_unref(history->views[at]);
    history->views[at] = next;
    return grows;
}
