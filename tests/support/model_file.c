#include "support/model_file.h"

#include "base/assert.h"

#include <stdlib.h>

/* ---- content ---- */

static void content_grow(struct model_content *content, size_t len)
{
    if (len <= content->len) {
        return;
    }
    if (len > content->capacity) {
        size_t capacity = content->capacity * 2 > len ? content->capacity * 2 : len;
        content->data = realloc(content->data, capacity);
        ASSERT(content->data != NULL);
        content->capacity = capacity;
    }
    memset(content->data + content->len, 0, len - content->len);
    content->len = len;
}

static void content_write(struct model_content *content, uint64_t offset, struct bytes bytes)
{
    if (bytes.len == 0) {
        return;
    }
    content_grow(content, (size_t)offset + bytes.len);
    memcpy(content->data + offset, bytes.data, bytes.len);
    if (content->size < content->len) {
        content->size = content->len;
    }
}

static void content_resize(struct model_content *content, uint64_t size)
{
    if (content->len > size) {
        content->len = (size_t)size;
    }
    content->size = size;
}

static void content_set(struct model_content *content, const struct model_content *from,
                        uint64_t bytes_max)
{
    content_resize(content, 0);
    size_t len = from->len < bytes_max ? from->len : (size_t)bytes_max;
    content_write(content, 0, bytes_make(from->data, len));
    content_resize(content, from->size < bytes_max ? from->size : bytes_max);
}

/* ---- life ---- */

struct model_file *model_file_new(uint64_t number)
{
    struct model_file *file = calloc(1, sizeof(*file));
    ASSERT(file != NULL);
    file->refs = 1;
    file->number = number;
    queue_init(&file->changes);
    return file;
}

struct model_file *model_file_ref(struct model_file *file)
{
    file->refs++;
    return file;
}

static struct model_change *change_first(struct model_file *file)
{
    return QUEUE_ITEM(file->changes.next, struct model_change, link);
}

static void change_free(struct model_change *change)
{
    queue_remove(&change->link);
    free(change);
}

void model_file_unref(struct model_file *file)
{
    if (file == NULL || --file->refs > 0) {
        return;
    }
    while (!queue_empty(&file->changes)) {
        change_free(change_first(file));
    }
    free(file->seen.data);
    free(file->held.data);
    free(file);
}

/* ---- changes ---- */

static void remember(struct model_file *file, const struct model_change *what, struct bytes bytes)
{
    struct model_change *change = malloc(sizeof(*change) + bytes.len);
    ASSERT(change != NULL);
    *change = *what;
    change->len = bytes.len;
    if (bytes.len > 0) {
        memcpy(change->bytes, bytes.data, bytes.len);
    }
    queue_push(&file->changes, &change->link);
    file->change++;
}

void model_file_write(struct model_file *file, uint64_t order, uint64_t offset, struct bytes bytes)
{
    struct model_change change = {.order = order, .offset = offset};
    content_write(&file->seen, offset, bytes);
    remember(file, &change, bytes);
}

void model_file_resize(struct model_file *file, uint64_t order, uint64_t size)
{
    struct model_change change = {.order = order, .resize = true, .offset = size};
    content_resize(&file->seen, size);
    remember(file, &change, (struct bytes){0});
}

size_t model_file_read(const struct model_file *file, uint64_t offset, void *out, size_t len)
{
    const struct model_content *seen = &file->seen;
    if (offset >= seen->size) {
        return 0;
    }
    size_t there = seen->size - offset < len ? (size_t)(seen->size - offset) : len;
    size_t written = 0;
    if (offset < seen->len) {
        written = seen->len - offset < there ? seen->len - (size_t)offset : there;
        memcpy(out, seen->data + offset, written);
    }
    memset((uint8_t *)out + written, 0, there - written);
    return there;
}

/* ---- durability ---- */

static void apply(struct model_content *content, const struct model_change *change)
{
    if (change->resize) {
        content_resize(content, change->offset);
    } else {
        content_write(content, change->offset, bytes_make(change->bytes, change->len));
    }
}

void model_file_sync(struct model_file *file)
{
    while (!queue_empty(&file->changes)) {
        apply(&file->held, change_first(file));
        change_free(change_first(file));
    }
}

/* Any of the sectors that the write touches, or of what comes before a point in it. */
static void apply_torn(struct model_content *content, const struct model_change *change,
                       struct random *random)
{
    if (change->resize || change->len == 0) {
        return;
    }
    if (random_chance(random, 0.5)) {
        size_t len = (size_t)random_below(random, change->len);
        content_write(content, change->offset, bytes_make(change->bytes, len));
        return;
    }
    for (size_t at = 0; at < change->len;) {
        uint64_t offset = change->offset + at;
        size_t len = MODEL_SECTOR_BYTES - (size_t)(offset % MODEL_SECTOR_BYTES);
        len = len < change->len - at ? len : change->len - at;
        if (random_chance(random, 0.5)) {
            content_write(content, offset, bytes_make(change->bytes + at, len));
        }
        at += len;
    }
}

/* Some run of it is noise; but bytes that the write does not change keep their value, as on disks
 * whose overwrites are safe when the power goes. */
static void apply_corrupted(struct model_content *content, struct model_change *change,
                            struct random *random)
{
    if (!change->resize && change->len > 0) {
        size_t from = (size_t)random_below(random, change->len);
        size_t len = 1 + (size_t)random_below(random, change->len - from);
        for (size_t i = from; i < from + len; i++) {
            uint64_t at = change->offset + i;
            bool same = at < content->len && content->data[at] == change->bytes[i];
            uint8_t noise = (uint8_t)random_u64(random);
            change->bytes[i] = same ? change->bytes[i] : noise;
        }
    }
    apply(content, change);
}

void model_file_decide(struct model_file *file, enum model_fate fate, struct random *random)
{
    struct model_change *change = change_first(file);
    switch (fate) {
    case MODEL_KEPT:
        apply(&file->held, change);
        break;
    case MODEL_DROPPED:
        break;
    case MODEL_TORN:
        apply_torn(&file->held, change, random);
        break;
    case MODEL_CORRUPTED:
        apply_corrupted(&file->held, change, random);
        break;
    }
    change_free(change);
}

void model_file_settle(struct model_file *file)
{
    ASSERT(queue_empty(&file->changes));
    content_set(&file->seen, &file->held, UINT64_MAX);
}

/* ---- what tests do to it ---- */

static void content_flip(struct model_content *content, uint64_t offset, unsigned bit)
{
    if (offset < content->size) {
        content_grow(content, (size_t)offset + 1);
        content->data[offset] ^= (uint8_t)(1u << bit);
    }
}

void model_file_flip(struct model_file *file, uint64_t offset, unsigned bit)
{
    content_flip(&file->seen, offset, bit);
    content_flip(&file->held, offset, bit);
}

void model_file_copy(struct model_file *file, const struct model_file *from, uint64_t bytes_max)
{
    content_set(&file->seen, &from->seen, bytes_max);
    content_set(&file->held, &from->seen, bytes_max);
    file->change++;
}
