#include "storage/lsm_overlay.h"

#include "base/assert.h"
#include "base/memory.h"

void lsm_overlay_init(struct lsm_overlay *overlay)
{
    *overlay = (struct lsm_overlay){0};
    random_init(&overlay->random, 1);
}

static uint8_t height_draw(struct random *random)
{
    uint64_t bits = random_u64(random);
    uint8_t height = 1;
    while (height < LSM_OVERLAY_HEIGHT && bits % 4 == 0) {
        height++;
        bits /= 4;
    }
    return height;
}

static size_t write_bytes(uint8_t height, size_t key_len, size_t record_len)
{
    return sizeof(struct lsm_write) + height * sizeof(struct lsm_write *) + LSM_PLACE_BYTES +
           key_len + record_len;
}

static struct bytes copy_to(uint8_t *at, struct bytes bytes)
{
    if (bytes.len > 0) {
        memcpy(at, bytes.data, bytes.len);
    }
    return bytes_make(at, bytes.len);
}

struct lsm_write *lsm_write_new(struct lsm_overlay *overlay, enum lsm_write_kind kind,
                                const struct engine_key *key, struct bytes record)
{
    uint8_t height = height_draw(&overlay->random);
    size_t size = write_bytes(height, key->key.len, record.len);
    struct lsm_write *write = mem_alloc(size);
    if (write == NULL) {
        return NULL;
    }
    *write = (struct lsm_write){.kind = (uint8_t)kind,
                                .height = height,
                                .partition = key->partition,
                                .position = key->position};
    queue_init(&write->link);
    uint8_t *place = (uint8_t *)&write->tower[height];
    lsm_place_key(place, key->partition, key->position);
    write->key = copy_to(place + LSM_PLACE_BYTES, key->key);
    write->place = bytes_make(place, LSM_PLACE_BYTES + key->key.len);
    write->record = copy_to(place + write->place.len, record);
    overlay->bytes += size;
    return write;
}

void lsm_write_free(struct lsm_overlay *overlay, struct lsm_write *write)
{
    ASSERT(!write->listed);
    queue_remove(&write->link);
    overlay->bytes -= write_bytes(write->height, write->key.len, write->record.len);
    mem_free(write);
}

/* Of the write in the list, relative to a place: <0 before it. */
static int compare(const struct lsm_write *write, uint32_t partition, uint64_t position,
                   struct bytes key)
{
    if (write->partition != partition) {
        return write->partition < partition ? -1 : 1;
    }
    if (write->position != position) {
        return write->position < position ? -1 : 1;
    }
    return bytes_compare(write->key, key);
}

/* The pointers, one a level, that lead to the first write not before the place. */
static void search(struct lsm_overlay *overlay, uint32_t partition, uint64_t position,
                   struct bytes key, struct lsm_write **links[LSM_OVERLAY_HEIGHT])
{
    struct lsm_write **tower = overlay->first;
    for (uint32_t level = LSM_OVERLAY_HEIGHT; level-- > 0;) {
        while (tower[level] != NULL && compare(tower[level], partition, position, key) < 0) {
            tower = tower[level]->tower;
        }
        links[level] = &tower[level];
    }
}

static struct lsm_write *lower_bound(const struct lsm_overlay *overlay, uint32_t partition,
                                     uint64_t position, struct bytes key)
{
    struct lsm_write *const *tower = overlay->first;
    for (uint32_t level = LSM_OVERLAY_HEIGHT; level-- > 0;) {
        while (tower[level] != NULL && compare(tower[level], partition, position, key) < 0) {
            tower = tower[level]->tower;
        }
    }
    return tower[0];
}

struct lsm_write *lsm_overlay_find(const struct lsm_overlay *overlay, const struct engine_key *key)
{
    struct lsm_write *write = lower_bound(overlay, key->partition, key->position, key->key);
    bool found = write != NULL && compare(write, key->partition, key->position, key->key) == 0;
    return found ? write : NULL;
}

struct lsm_write *lsm_overlay_seek(const struct lsm_overlay *overlay, uint32_t partition,
                                   uint64_t position)
{
    return lower_bound(overlay, partition, position, bytes_make(NULL, 0));
}

struct lsm_write *lsm_overlay_list(struct lsm_overlay *overlay, struct lsm_write *write)
{
    struct lsm_write **links[LSM_OVERLAY_HEIGHT];
    search(overlay, write->partition, write->position, write->key, links);
    struct lsm_write *old = *links[0];
    if (old != NULL && compare(old, write->partition, write->position, write->key) == 0) {
        for (uint32_t level = 0; level < old->height; level++) {
            *links[level] = old->tower[level];
        }
        old->listed = false;
    } else {
        old = NULL;
    }
    for (uint32_t level = 0; level < write->height; level++) {
        write->tower[level] = *links[level];
        *links[level] = write;
    }
    write->listed = true;
    return old;
}

void lsm_overlay_unlist(struct lsm_overlay *overlay, struct lsm_write *write)
{
    if (!write->listed) {
        return;
    }
    struct lsm_write **links[LSM_OVERLAY_HEIGHT];
    search(overlay, write->partition, write->position, write->key, links);
    for (uint32_t level = 0; level < write->height; level++) {
        ASSERT(*links[level] == write);
        *links[level] = write->tower[level];
    }
    write->listed = false;
}

void lsm_overlay_drop(struct lsm_overlay *overlay, uint32_t partition)
{
    struct lsm_write **links[LSM_OVERLAY_HEIGHT];
    search(overlay, partition, 0, bytes_make(NULL, 0), links);
    for (uint32_t level = 0; level < LSM_OVERLAY_HEIGHT; level++) {
        struct lsm_write *write = *links[level];
        while (write != NULL && write->partition == partition) {
            write->listed = false;
            write = write->tower[level];
        }
        *links[level] = write;
    }
}

struct lsm_batch *lsm_batch_new(uint64_t number)
{
    struct lsm_batch *batch = mem_alloc(sizeof(*batch));
    if (batch == NULL) {
        return NULL;
    }
    *batch = (struct lsm_batch){.number = number};
    queue_init(&batch->link);
    queue_init(&batch->writes);
    return batch;
}

void lsm_batch_free(struct lsm_overlay *overlay, struct lsm_batch *batch)
{
    while (!queue_empty(&batch->writes)) {
        struct lsm_write *write = QUEUE_ITEM(batch->writes.next, struct lsm_write, link);
        lsm_overlay_unlist(overlay, write);
        lsm_write_free(overlay, write);
    }
    queue_remove(&batch->link);
    mem_free(batch);
}

void lsm_overlay_check(const struct lsm_overlay *overlay)
{
    for (uint32_t level = 0; level < LSM_OVERLAY_HEIGHT; level++) {
        const struct lsm_write *last = NULL;
        const struct lsm_write *write = overlay->first[level];
        while (write != NULL) {
            ASSERT(write->listed && level < write->height);
            ASSERT(last == NULL ||
                   compare(last, write->partition, write->position, write->key) < 0);
            last = write;
            write = write->tower[level];
        }
    }
}
