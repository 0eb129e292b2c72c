/* Files of the model disk as memory. What a process writes there is the file's at once, so it is
 * looked for, page by page, whenever somebody could see it: before a read, a sync, the end of the
 * process. Each page that differs is a change like any other, whose fate a power loss decides. */
#include "support/model_state.h"

#include "base/assert.h"

#include <stdlib.h>

#define PAGE_BYTES 4096u

struct model_map {
    struct model_map *next;
    struct model_file *file;
    uint8_t *memory;
    uint64_t bytes;
    uint64_t life;
    bool frozen;      /* what is written there now is nobody's any more */
    atomic_bool lost; /* so is what is written to its pages that are gone */
    uint64_t kept;    /* bytes at its beginning whose pages are there */
};

static void map_fold(struct model_disk *disk, struct model_map *map)
{
    uint8_t page[PAGE_BYTES];
    for (uint64_t at = 0; at < map->kept && !map->frozen && map->life == disk->life;
         at += PAGE_BYTES) {
        uint64_t rest = map->kept - at;
        size_t len = rest < PAGE_BYTES ? (size_t)rest : PAGE_BYTES;
        memset(page, 0, sizeof(page));
        (void)model_file_read(map->file, at, page, len);
        if (memcmp(page, map->memory + at, len) != 0) {
            model_file_write(map->file, ++disk->order, at, bytes_make(map->memory + at, len));
        }
    }
}

void model_maps_fold(struct model_disk *disk, const struct model_file *file)
{
    for (struct model_map *map = disk->maps; map != NULL; map = map->next) {
        if (file == NULL || map->file == file) {
            map_fold(disk, map);
        }
    }
}

bool model_disk_cut(struct model_disk *disk, const char *name, uint64_t bytes)
{
    struct model_file *file = model_names_find(&disk->folder.seen, name);
    if (file == NULL || bytes > file->seen.size || bytes % PAGE_BYTES != 0) {
        return false;
    }
    model_maps_fold(disk, file);
    model_file_resize(file, ++disk->order, bytes);
    for (struct model_map *map = disk->maps; map != NULL; map = map->next) {
        if (map->file == file && bytes < map->kept) {
            memset(map->memory + bytes, 0, map->bytes - bytes);
            map->kept = bytes;
            atomic_store(&map->lost, true);
        }
    }
    return true;
}

void model_maps_freeze(struct model_disk *disk)
{
    model_maps_fold(disk, NULL);
    for (struct model_map *map = disk->maps; map != NULL; map = map->next) {
        map->frozen = true;
    }
}

void model_map(struct model_disk *disk, struct model_file *file, uint64_t bytes,
               struct disk_map *out)
{
    struct model_map *map = calloc(1, sizeof(*map));
    ASSERT(map != NULL && bytes <= file->seen.size);
    map->file = model_file_ref(file);
    map->memory = calloc(1, bytes);
    ASSERT(map->memory != NULL);
    map->bytes = bytes;
    map->kept = bytes;
    map->life = disk->life;
    map->frozen = disk->stopped;
    (void)model_file_read(file, 0, map->memory, bytes);
    map->next = disk->maps;
    disk->maps = map;
    *out = (struct disk_map){.memory = map->memory, .lost = &map->lost};
}

void model_unmap(struct model_disk *disk, const uint8_t *memory)
{
    for (struct model_map **at = &disk->maps; *at != NULL; at = &(*at)->next) {
        struct model_map *map = *at;
        if (map->memory == memory) {
            map_fold(disk, map);
            *at = map->next;
            model_file_unref(map->file);
            free(map->memory);
            free(map);
            return;
        }
    }
    ASSERT(false); /* it was never mapped */
}
