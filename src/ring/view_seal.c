/* Sealing a view: computing what follows from its content. Nearly every view differs from the one
 * before by marks only; then who is counted and the name of the roles are taken over from that one,
 * which at a thousand members is most of the work. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#include <stdlib.h>
#include <string.h>

#define DIGEST_MARK_BYTES 9u

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

static int roles_name_compute(struct view *view)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    struct writer writer = writer_make(&buffer);
    roles_write(&writer, &view->roles);
    if (writer.error == 0) {
        crypto_hash(&view->roles_name, buffer_bytes(&buffer));
    }
    buffer_deinit(&buffer);
    return writer.error;
}

/* Layouts and roles stand in it by their hashes, which name all their content. */
static int digest_compute(struct view *view)
{
    size_t len = CRYPTO_HASH_BYTES + 8 * (size_t)view->removed_count;
    for (uint32_t i = 0; i < view->live_count; i++) {
        len += CRYPTO_HASH_BYTES + 8 + DIGEST_MARK_BYTES * (size_t)view->live[i].mark_count;
    }
    uint8_t *content = mem_alloc(len);
    if (content == NULL) {
        return SHOAL_ENOMEM;
    }
    uint8_t *at = content;
    memcpy(at, view->roles_name.bytes, CRYPTO_HASH_BYTES);
    at += CRYPTO_HASH_BYTES;
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct view_layout *live = &view->live[i];
        memcpy(at, live->layout->key.hash.bytes, CRYPTO_HASH_BYTES);
        store_u64_le(at + CRYPTO_HASH_BYTES, live->mark_count);
        at += CRYPTO_HASH_BYTES + 8;
        for (uint32_t k = 0; k < live->mark_count; k++, at += DIGEST_MARK_BYTES) {
            store_u64_le(at, live->marks[k].node);
            at[8] = live->marks[k].bits;
        }
    }
    for (uint32_t i = 0; i < view->removed_count; i++, at += 8) {
        store_u64_le(at, view->removed[i]);
    }
    struct content_hash hash;
    crypto_hash(&hash, bytes_make(content, len));
    view->digest = digest_make(parts_digest(view), load_u64_le(hash.bytes));
    mem_free(content);
    return 0;
}

bool view_like(const struct view *view, const struct view *like)
{
    if (view->live_count != like->live_count || view->removed_count != like->removed_count ||
        (view->removed_count > 0 &&
         memcmp(view->removed, like->removed, view->removed_count * sizeof(*view->removed)) != 0)) {
        return false;
    }
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (!content_hash_equal(&view->live[i].layout->key.hash, &like->live[i].layout->key.hash)) {
            return false;
        }
    }
    return true;
}

static int counted_copy(struct view *view, const struct view *like)
{
    view->counted = mem_alloc(like->counted_count * sizeof(*view->counted));
    if (view->counted == NULL) {
        return SHOAL_ENOMEM;
    }
    view->counted_count = like->counted_count;
    if (like->counted_count > 0) {
        memcpy(view->counted, like->counted, like->counted_count * sizeof(*view->counted));
    }
    view->roles_name = like->roles_name;
    return 0;
}

int view_seal(struct view *view, struct view **out)
{
    return view_seal_like(view, NULL, out);
}

int view_seal_like(struct view *view, const struct view *like, struct view **out)
{
    ASSERT(view->live_count > 0 && view->live_count <= LIMIT_LIVE_LAYOUTS_HARD);
    view->floor = view->live[0].layout->key;
    view->read_index = 0;
    for (uint32_t i = view->live_count; i-- > 1 && view->read_index == 0;) {
        view->read_index = view_all_marked(view, i, MARK_SYNCED) || MUTANT(read_newest) ? i : 0;
    }
    int r = like != NULL ? counted_copy(view, like) : counted_collect(view);
    if (r == 0 && like == NULL) {
        r = roles_name_compute(view);
    }
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
