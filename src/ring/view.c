#include "ring/view.h"

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
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

/* Sealing. */

static int node_compare(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* The members of every live layout, less the removed. */
static int counted_collect(struct view *view)
{
    size_t most = 0;
    uint32_t count = 0;
    uint32_t first = MUTANT(count_newest) ? view->live_count - 1 : 0;
    for (uint32_t i = first; i < view->live_count; i++) {
        most += view->live[i].layout->member_count;
    }
    uint64_t *counted = mem_alloc(most * sizeof(*counted));
    if (counted == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = first; i < view->live_count; i++) {
        const struct layout *layout = view->live[i].layout;
        for (uint32_t k = 0; k < layout->member_count; k++) {
            if (!view_removed(view, layout->members[k].node)) {
                counted[count++] = layout->members[k].node;
            }
        }
    }
    if (view->live_count > 1) {
        uint32_t distinct = 0;
        qsort(counted, count, sizeof(*counted), node_compare);
        for (uint32_t i = 0; i < count; i++) {
            if (distinct == 0 || counted[distinct - 1] != counted[i]) {
                counted[distinct++] = counted[i];
            }
        }
        count = distinct;
    }
    view->counted = counted;
    view->counted_count = count;
    return 0;
}

/* Of what travels by name in brief. */
static uint64_t parts_digest(const struct view *view)
{
    uint64_t digest = load_u64_le(view->roles_name.bytes);
    for (uint32_t i = 0; i < view->live_count; i++) {
        digest = hash_mix(digest) ^ load_u64_le(view->live[i].layout->key.hash.bytes);
    }
    return hash_mix(digest);
}

static uint64_t digest_make(uint64_t parts, uint64_t whole)
{
    uint64_t mask = UINT64_MAX >> VIEW_PARTS_BITS;
    uint64_t digest = (parts & ~mask) | (whole & mask);
    return digest != 0 ? digest : 1;
}

/* Layouts stand in it by their hashes, which name all their content. */
static int digest_compute(struct view *view)
{
    struct buffer buffer;
    struct content_hash hash;
    buffer_init(&buffer, 0);
    struct writer writer = writer_make(&buffer);
    write_array(&writer, view->live_count);
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct view_layout *live = &view->live[i];
        write_bin(&writer, bytes_make(live->layout->key.hash.bytes, CRYPTO_HASH_BYTES));
        write_array(&writer, live->mark_count);
        for (uint32_t k = 0; k < live->mark_count; k++) {
            write_u64(&writer, live->marks[k].node);
            write_u64(&writer, live->marks[k].bits);
        }
    }
    write_array(&writer, view->removed_count);
    for (uint32_t i = 0; i < view->removed_count; i++) {
        write_u64(&writer, view->removed[i]);
    }
    size_t roles_at = buffer.len;
    roles_write(&writer, &view->roles);
    if (writer.error == 0) {
        crypto_hash(&view->roles_name, bytes_make(buffer.data + roles_at, buffer.len - roles_at));
        crypto_hash(&hash, buffer_bytes(&buffer));
        view->digest = digest_make(parts_digest(view), load_u64_le(hash.bytes));
    }
    buffer_deinit(&buffer);
    return writer.error;
}

int view_seal(struct view *view, struct view **out)
{
    ASSERT(view->live_count > 0 && view->live_count <= LIMIT_LIVE_LAYOUTS_HARD);
    view->floor = view->live[0].layout->key;
    view->read_index = 0;
    for (uint32_t i = view->live_count; i-- > 1 && view->read_index == 0;) {
        view->read_index = members_synced(view, i) || MUTANT(read_newest) ? i : 0;
    }
    int r = counted_collect(view);
    if (r == 0) {
        r = digest_compute(view);
    }
    if (r != 0) {
        view_unref(view);
        return r;
    }
    *out = view;
    return 0;
}
