/* A view in brief, for a receiver that has shown what parts it knows: layouts and roles, which are
 * nearly all of a view's size and seldom change, then stand by their names (the hashes of their
 * content), and a mark takes four bits. It says as much as the whole: marks, removed nodes and
 * roles still travel together, and none ahead of its layout. A receiver that lacks a part after all
 * takes nothing of it, and shows with its next message what it has. Deltas of marks were rejected:
 * they would need to know which marks the other has.
 *
 *      names   16 bytes of the roles, then 16 of every live layout
 *      brief   [ 1, name of the roles | nil, roles | nil,
 *                [[name | nil, layout | nil, marks], ...], [removed node, ...] ]
 *
 * Of each pair one is nil. Marks are a run of half bytes, the lower first: the bits of every node
 * that has a role, in the order of the roles. */
#include "base/memory.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#include <string.h>

#define BRIEF_FORMAT 1u
#define BRIEF_FIELDS 5u /* a whole view has four */
#define LIVE_FIELDS 3u

static struct bytes name_bytes(const struct content_hash *name)
{
    return bytes_make(name->bytes, CRYPTO_HASH_BYTES);
}

int view_names(const struct view *view, struct buffer *out)
{
    int r = buffer_append(out, view->roles_name.bytes, CRYPTO_HASH_BYTES);
    for (uint32_t i = 0; i < view->live_count && r == 0; i++) {
        r = buffer_append(out, view->live[i].layout->key.hash.bytes, CRYPTO_HASH_BYTES);
    }
    return r;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool names_have_roles(struct bytes names, const struct content_hash *name)
{
    return names.len >= CRYPTO_HASH_BYTES &&
           memcmp(names.data, name->bytes, CRYPTO_HASH_BYTES) == 0;
}

static bool names_have_layout(struct bytes names, const struct content_hash *name)
{
    for (size_t at = CRYPTO_HASH_BYTES; at + CRYPTO_HASH_BYTES <= names.len;
         at += CRYPTO_HASH_BYTES) {
        if (memcmp(names.data + at, name->bytes, CRYPTO_HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void marks_write(struct writer *writer, const struct view *view,
                        const struct view_layout *live)
{
    size_t len = (view->roles.count + 1u) / 2u;
    write_bin_header(writer, len);
    if (writer->error == 0) {
        writer->error = buffer_reserve(writer->out, len);
    }
    if (writer->error != 0) {
        return;
    }
    uint8_t *bits = writer->out->data + writer->out->len;
    memset(bits, 0, len);
    uint32_t next = 0;
    for (uint32_t i = 0; i < view->roles.count && next < live->mark_count; i++) {
        if (live->marks[next].node == view->roles.items[i].node) {
            bits[i / 2] |= (uint8_t)(live->marks[next++].bits << (i % 2 * 4));
        }
    }
    writer->out->len += len;
}

int view_encode_brief(const struct view *view, struct bytes names, struct buffer *out)
{
    size_t start = out->len;
    struct writer writer = writer_make(out);
    write_array(&writer, BRIEF_FIELDS);
    write_u64(&writer, BRIEF_FORMAT);
    if (names_have_roles(names, &view->roles_name)) {
        write_bin(&writer, name_bytes(&view->roles_name));
        write_nil(&writer);
    } else {
        write_nil(&writer);
        roles_write(&writer, &view->roles);
    }
    write_array(&writer, view->live_count);
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct layout *layout = view->live[i].layout;
        write_array(&writer, LIVE_FIELDS);
        if (names_have_layout(names, &layout->key.hash)) {
            write_bin(&writer, name_bytes(&layout->key.hash));
            write_nil(&writer);
        } else {
            write_nil(&writer);
            view_write_layout(&writer, layout);
        }
        marks_write(&writer, view, &view->live[i]);
    }
    view_write_removed(&writer, view);
    return view_write_end(&writer, start);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Where named parts are found. */
struct source {
    const struct view *const *views;
    uint32_t count;
};

/* A name or nil. */
static bool name_read(struct reader *reader, struct content_hash *name)
{
    if (read_nil(reader)) {
        return false;
    }
    struct bytes bytes = read_bin(reader, CRYPTO_HASH_BYTES);
    if (reader->error == 0 && bytes.len != CRYPTO_HASH_BYTES) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    if (reader->error != 0) {
        return false;
    }
    memcpy(name->bytes, bytes.data, CRYPTO_HASH_BYTES);
    return true;
}

static int roles_take(struct reader *reader, const struct source *source, struct roles *out,
                      struct content_hash *taken)
{
    struct content_hash name;
    if (!name_read(reader, &name)) {
        return reader->error != 0 ? SHOAL_EPROTO : roles_read(reader, out);
    }
    if (!read_nil(reader)) {
        return SHOAL_EPROTO;
    }
    for (uint32_t i = 0; i < source->count; i++) {
        if (content_hash_equal(&source->views[i]->roles_name, &name)) {
            *taken = name;
            return roles_copy(&source->views[i]->roles, out);
        }
    }
    return 1;
}

static int layout_take(struct reader *reader, const struct source *source, struct layout **out)
{
    struct content_hash name;
    if (!name_read(reader, &name)) {
        struct bytes layout = read_bin(reader, LIMIT_VIEW_BYTES);
        return reader->error != 0 ? SHOAL_EPROTO : layout_decode(layout, out);
    }
    if (!read_nil(reader)) {
        return SHOAL_EPROTO;
    }
    for (uint32_t i = 0; i < source->count; i++) {
        int index = view_find(source->views[i], &name);
        if (index >= 0) {
            *out = layout_ref(source->views[i]->live[index].layout);
            return 0;
        }
    }
    return 1;
}

static int marks_take(struct reader *reader, const struct roles *roles, struct view_layout *live)
{
    size_t len = (roles->count + 1u) / 2u;
    struct bytes bits = read_bin(reader, len);
    if (reader->error != 0 || bits.len != len ||
        (roles->count % 2 != 0 && bits.data[len - 1] >> 4 != 0)) {
        return SHOAL_EPROTO;
    }
    live->marks = mem_alloc_zeroed(roles->count, sizeof(*live->marks));
    if (live->marks == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < roles->count; i++) {
        uint8_t mark = bits.data[i / 2] >> (i % 2 * 4) & 0xf;
        if (mark > (MARK_SEEN | MARK_SYNCED | MARK_ALL_SYNCED)) {
            return SHOAL_EPROTO;
        }
        if (mark != 0) {
            live->marks[live->mark_count++] =
                (struct mark){.node = roles->items[i].node, .bits = mark};
        }
    }
    return 0;
}

static int live_take(struct reader *reader, const struct source *source, struct view *view)
{
    uint32_t count = read_array(reader, LIMIT_LIVE_LAYOUTS_HARD);
    if (reader->error != 0 || count == 0) {
        return SHOAL_EPROTO;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (read_array(reader, LIVE_FIELDS) != LIVE_FIELDS) {
            return SHOAL_EPROTO;
        }
        int r = layout_take(reader, source, &view->live[i].layout);
        if (r != 0) {
            return r;
        }
        view->live_count++;
        r = marks_take(reader, &view->roles, &view->live[i]);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* The known view that differs by marks only, of which no more than they needs to be checked. */
static const struct view *brief_like(const struct view *view, const struct source *source,
                                     const struct content_hash *roles_name)
{
    for (uint32_t i = 0; i < source->count; i++) {
        if (content_hash_equal(&source->views[i]->roles_name, roles_name) &&
            view_like(view, source->views[i])) {
            return source->views[i];
        }
    }
    return NULL;
}

static int brief_take(struct reader *reader, const struct source *source, struct view *view,
                      const struct view **like)
{
    struct content_hash roles_name = {0}; /* of no roles: they came whole */
    int r = roles_take(reader, source, &view->roles, &roles_name);
    if (r == 0) {
        r = live_take(reader, source, view);
    }
    if (r == 0) {
        r = view_read_removed(reader, view);
    }
    if (r == 0) {
        read_end(reader);
        r = reader->error != 0 ? SHOAL_EPROTO : 0;
    }
    *like = r == 0 ? brief_like(view, source, &roles_name) : NULL;
    if (r == 0 && *like == NULL && !view_check(view)) {
        r = SHOAL_EPROTO;
    }
    return r;
}

int view_decode_brief(struct bytes bytes, const struct view *const *known, uint32_t known_count,
                      struct view **out)
{
    struct reader reader = reader_make(bytes);
    struct source source = {.views = known, .count = known_count};
    uint32_t fields = read_array(&reader, UINT32_MAX);
    uint64_t format = read_u64(&reader);
    if (reader.error != 0 || format == 0) {
        return SHOAL_EPROTO;
    }
    if (format != BRIEF_FORMAT) {
        return SHOAL_EVERSION;
    }
    if (fields != BRIEF_FIELDS) {
        return SHOAL_EPROTO;
    }
    struct view *view = view_begin(LIMIT_LIVE_LAYOUTS_HARD);
    if (view == NULL) {
        return SHOAL_ENOMEM;
    }
    const struct view *like;
    int r = brief_take(&reader, &source, view, &like);
    if (r != 0) {
        view_unref(view);
        return r;
    }
    return view_seal_like(view, like, out);
}

int view_decode_any(struct bytes bytes, const struct view *const *known, uint32_t known_count,
                    struct view **out)
{
    struct reader reader = reader_make(bytes);
    bool brief = read_array(&reader, UINT32_MAX) == BRIEF_FIELDS;
    return brief ? view_decode_brief(bytes, known, known_count, out) : view_decode(bytes, out);
}
