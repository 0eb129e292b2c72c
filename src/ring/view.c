#include "ring/view.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#include <stdlib.h>
#include <string.h>

const struct layout *view_newest(const struct view *view)
{
    return view->live[view->live_count - 1].layout;
}

const struct layout *view_read_layout(const struct view *view)
{
    return view->live[view->read_index].layout;
}

const struct cluster_facts *view_facts(const struct view *view)
{
    return &view->live[0].layout->facts;
}

static void view_free(struct view *view)
{
    for (uint32_t i = 0; i < view->live_count; i++) {
        layout_unref(view->live[i].layout);
        mem_free(view->live[i].marks);
    }
    mem_free(view->counted);
    roles_deinit(&view->roles);
    mem_free(view->removed);
    mem_free(view->live);
    mem_free(view);
}

struct view *view_ref(const struct view *view)
{
    struct view *held = (struct view *)view; /* the count is all that ever changes */
    uint32_t before = __atomic_fetch_add(&held->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return held;
}

void view_unref(struct view *view)
{
    if (view == NULL) {
        return;
    }
    uint32_t before = __atomic_fetch_sub(&view->references, 1, __ATOMIC_ACQ_REL);
    ASSERT(before > 0);
    if (before == 1) {
        view_free(view);
    }
}

struct view *view_begin(uint32_t live_max)
{
    struct view *view = mem_alloc_zeroed(1, sizeof(*view));
    if (view == NULL) {
        return NULL;
    }
    view->references = 1;
    view->live = mem_alloc_zeroed(live_max, sizeof(*view->live));
    if (view->live == NULL) {
        mem_free(view);
        return NULL;
    }
    return view;
}

static bool live_copy(struct view_layout *into, const struct view_layout *from)
{
    into->marks = mem_alloc(from->mark_count * sizeof(*into->marks));
    if (into->marks == NULL) {
        return false;
    }
    if (from->mark_count > 0) {
        memcpy(into->marks, from->marks, from->mark_count * sizeof(*into->marks));
    }
    into->mark_count = from->mark_count;
    into->layout = layout_ref(from->layout);
    return true;
}

struct view *view_copy(const struct view *view, uint32_t more)
{
    struct view *copy = view_begin(view->live_count + more);
    if (copy == NULL) {
        return NULL;
    }
    copy->removed = mem_alloc(view->removed_count * sizeof(*copy->removed));
    if (copy->removed == NULL || roles_copy(&view->roles, &copy->roles) != 0) {
        view_unref(copy);
        return NULL;
    }
    if (view->removed_count > 0) {
        memcpy(copy->removed, view->removed, view->removed_count * sizeof(*copy->removed));
    }
    copy->removed_count = view->removed_count;
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (!live_copy(&copy->live[i], &view->live[i])) {
            view_unref(copy);
            return NULL;
        }
        copy->live_count++;
    }
    return copy;
}

uint32_t nodes_position(const uint64_t *nodes, uint32_t count, uint64_t node)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (nodes[middle] < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t marks_position(const struct view_layout *live, uint64_t node)
{
    uint32_t low = 0;
    uint32_t high = live->mark_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (live->marks[middle].node < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool mark_has(const struct view_layout *live, enum mark_kind kind, uint64_t node)
{
    uint32_t position = marks_position(live, node);
    return position < live->mark_count && live->marks[position].node == node &&
           (live->marks[position].bits & kind) != 0;
}

/* The wrong variant: any layout of that version has the mark. */
static bool version_marked(const struct view *view, uint32_t index, enum mark_kind kind,
                           uint64_t node)
{
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (view->live[i].layout->key.version == view->live[index].layout->key.version &&
            mark_has(&view->live[i], kind, node)) {
            return true;
        }
    }
    return false;
}

static bool is_marked(const struct view *view, uint32_t index, enum mark_kind kind, uint64_t node)
{
    return MUTANT(marks_by_version) ? version_marked(view, index, kind, node)
                                    : mark_has(&view->live[index], kind, node);
}

bool view_removed(const struct view *view, uint64_t node)
{
    if (MUTANT(removal_by_layout)) {
        const struct role *role = roles_find(&view_newest(view)->roles, node);
        return role != NULL && role->kind == ROLE_REMOVED;
    }
    return nodes_contain(view->removed, view->removed_count, node);
}

bool view_counted(const struct view *view, uint64_t node)
{
    return nodes_contain(view->counted, view->counted_count, node);
}

bool view_alone(const struct view *view, uint64_t node)
{
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct layout *layout = view->live[i].layout;
        if (layout->facts.n != 1 || layout->member_count != 1 || layout->members[0].node != node) {
            return false;
        }
    }
    return true;
}

bool view_marked(const struct view *view, uint32_t index, enum mark_kind kind, uint64_t node)
{
    ASSERT(index < view->live_count);
    return is_marked(view, index, kind, node);
}

/* Of the layout's own members. */
static bool members_synced(const struct view *view, uint32_t index)
{
    const struct layout *layout = view->live[index].layout;
    for (uint32_t i = 0; i < layout->member_count; i++) {
        uint64_t node = layout->members[i].node;
        if (!is_marked(view, index, MARK_SYNCED, node) && !view_removed(view, node)) {
            return false;
        }
    }
    return true;
}

bool view_all_marked(const struct view *view, uint32_t index, enum mark_kind kind)
{
    ASSERT(index < view->live_count);
    if (kind == MARK_SYNCED) {
        return members_synced(view, index);
    }
    for (uint32_t i = 0; i < view->counted_count; i++) {
        if (!is_marked(view, index, kind, view->counted[i])) {
            return false;
        }
    }
    return true;
}

bool view_owns(const struct view *view, uint64_t node, uint32_t partition)
{
    if (view_removed(view, node)) {
        return false;
    }
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (layout_owns(view->live[i].layout, node, partition)) {
            return true;
        }
    }
    return false;
}

/* Enough of the partition's owners were removed: W, or all there were. */
static bool partition_may_lose(const struct view *view, uint32_t partition)
{
    for (uint32_t i = 0; i < view->live_count; i++) {
        uint64_t owners[LIMIT_REPLICAS];
        uint32_t count = layout_owners(view->live[i].layout, partition, owners);
        uint32_t gone = 0;
        for (uint32_t k = 0; k < count; k++) {
            gone += view_removed(view, owners[k]);
        }
        if (gone >= view_facts(view)->w || gone == count) {
            return true;
        }
    }
    return false;
}

uint32_t view_may_lose(const struct view *view, uint32_t *out, uint32_t capacity)
{
    uint32_t count = 0;
    uint32_t partitions = view->removed_count > 0 ? view_facts(view)->partitions : 0;
    for (uint32_t partition = 0; partition < partitions; partition++) {
        if (partition_may_lose(view, partition)) {
            if (out != NULL && count < capacity) {
                out[count] = partition;
            }
            count++;
        }
    }
    return count;
}

int view_find(const struct view *view, const struct content_hash *hash)
{
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (content_hash_equal(&view->live[i].layout->key.hash, hash)) {
            return (int)i;
        }
    }
    return -1;
}
