/* A view as bytes, whole: it carries its layouts, so that no mark travels ahead of what it speaks
 * of. The floor is the oldest layout's key and what is derived is computed anew.
 *
 *      [ 1, [[layout, [node, bits, ...]], ...], [removed node, ...], roles ]
 */
#include "base/memory.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#define VIEW_FORMAT 1u
#define VIEW_FIELDS 4u

void view_write_layout(struct writer *writer, const struct layout *layout)
{
    struct buffer encoded;
    buffer_init(&encoded, 0);
    int r = layout_encode(layout, &encoded);
    if (r != 0) {
        writer_fail(writer, r);
    }
    write_bin(writer, buffer_bytes(&encoded));
    buffer_deinit(&encoded);
}

void view_write_removed(struct writer *writer, const struct view *view)
{
    write_array(writer, view->removed_count);
    for (uint32_t i = 0; i < view->removed_count; i++) {
        write_u64(writer, view->removed[i]);
    }
}

int view_write_end(struct writer *writer, size_t start)
{
    if (writer->error == 0 && writer->out->len - start > LIMIT_VIEW_BYTES) {
        writer->error = SHOAL_ETOOBIG;
    }
    if (writer->error != 0) {
        writer->out->len = start;
    }
    return writer->error;
}

static void live_write(struct writer *writer, const struct view_layout *live)
{
    write_array(writer, 2);
    view_write_layout(writer, live->layout);
    write_array(writer, live->mark_count * 2);
    for (uint32_t i = 0; i < live->mark_count; i++) {
        write_u64(writer, live->marks[i].node);
        write_u64(writer, live->marks[i].bits);
    }
}

int view_encode(const struct view *view, struct buffer *out)
{
    size_t start = out->len;
    struct writer writer = writer_make(out);
    write_array(&writer, VIEW_FIELDS);
    write_u64(&writer, VIEW_FORMAT);
    write_array(&writer, view->live_count);
    for (uint32_t i = 0; i < view->live_count; i++) {
        live_write(&writer, &view->live[i]);
    }
    view_write_removed(&writer, view);
    roles_write(&writer, &view->roles);
    return view_write_end(&writer, start);
}

static int marks_read(struct reader *reader, struct view_layout *live)
{
    uint32_t count = read_array(reader, 2 * LIMIT_ROLES_HARD);
    if (reader->error != 0 || count % 2 != 0) {
        return SHOAL_EPROTO;
    }
    live->mark_count = count / 2;
    live->marks = mem_alloc_zeroed(live->mark_count, sizeof(*live->marks));
    if (live->marks == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < live->mark_count; i++) {
        live->marks[i].node = read_u64(reader);
        live->marks[i].bits = (uint8_t)read_u64_max(reader, UINT8_MAX);
    }
    return reader->error != 0 ? SHOAL_EPROTO : 0;
}

static int live_read(struct reader *reader, struct view *view)
{
    uint32_t count = read_array(reader, LIMIT_LIVE_LAYOUTS_HARD);
    if (reader->error != 0 || count == 0) {
        return SHOAL_EPROTO;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (read_array(reader, 2) != 2) {
            return SHOAL_EPROTO;
        }
        struct bytes layout = read_bin(reader, LIMIT_VIEW_BYTES);
        if (reader->error != 0) {
            return SHOAL_EPROTO;
        }
        int r = layout_decode(layout, &view->live[i].layout);
        if (r != 0) {
            return r;
        }
        view->live_count++;
        r = marks_read(reader, &view->live[i]);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int view_read_removed(struct reader *reader, struct view *view)
{
    uint32_t count = read_array(reader, LIMIT_ROLES_HARD);
    if (reader->error != 0) {
        return SHOAL_EPROTO;
    }
    view->removed = mem_alloc_zeroed(count, sizeof(*view->removed));
    if (view->removed == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        view->removed[i] = read_u64(reader);
    }
    view->removed_count = count;
    return reader->error != 0 ? SHOAL_EPROTO : 0;
}

static int view_read(struct reader *reader, struct view *view)
{
    int r = live_read(reader, view);
    if (r == 0) {
        r = view_read_removed(reader, view);
    }
    if (r == 0) {
        r = roles_read(reader, &view->roles);
    }
    read_end(reader);
    if (r == 0 && (reader->error != 0 || !view_check(view))) {
        r = SHOAL_EPROTO;
    }
    return r;
}

int view_decode(struct bytes bytes, struct view **out)
{
    struct reader reader = reader_make(bytes);
    uint32_t fields = read_array(&reader, UINT32_MAX);
    uint64_t format = read_u64(&reader);
    if (reader.error != 0 || format == 0) {
        return SHOAL_EPROTO;
    }
    if (format != VIEW_FORMAT) {
        return SHOAL_EVERSION;
    }
    if (fields != VIEW_FIELDS) {
        return SHOAL_EPROTO;
    }
    struct view *view = view_begin(LIMIT_LIVE_LAYOUTS_HARD);
    if (view == NULL) {
        return SHOAL_ENOMEM;
    }
    int r = view_read(&reader, view);
    if (r != 0) {
        view_unref(view);
        return r;
    }
    return view_seal(view, out);
}
