/* See faulty_undo.h. Pages are sorted by their place: files are written from front to back, so a
 * new page nearly always comes last. Nothing is kept of what lies behind the durable end: to cut
 * the file there undoes it. */
#include "faulty_undo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES UINT64_C(4096)

struct undo_page {
    uint64_t number;
    uint8_t *old; /* PAGE_BYTES of it; NULL: zeros */
    bool lost;    /* a sync has failed since it was written */
};

/* The index of the page, or where it belongs. */
static uint64_t find(const struct undo *undo, uint64_t number)
{
    uint64_t low = 0;
    uint64_t high = undo->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (undo->pages[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int reserve_one(struct undo *undo)
{
    if (undo->count < undo->capacity) {
        return 0;
    }
    uint64_t capacity = undo->capacity == 0 ? 16 : undo->capacity * 2;
    struct undo_page *pages = realloc(undo->pages, capacity * sizeof(*pages));
    if (pages == NULL) {
        return ENOMEM;
    }
    undo->pages = pages;
    undo->capacity = capacity;
    return 0;
}

/* A page of the file as it is now, with zeros behind the file's end. */
static uint8_t *read_page(int fd, uint64_t number)
{
    uint8_t *old = calloc(1, PAGE_BYTES);
    if (old == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    if (pread(fd, old, PAGE_BYTES, (off_t)(number * PAGE_BYTES)) < 0) {
        int error = errno;
        free(old);
        errno = error;
        return NULL;
    }
    return old;
}

static int insert_page(struct undo *undo, uint64_t place, uint64_t number, uint8_t *old)
{
    int error = reserve_one(undo);
    if (error != 0) {
        return error;
    }
    struct undo_page *at = undo->pages + place;
    (void)memmove(at + 1, at, (undo->count - place) * sizeof(*at));
    *at = (struct undo_page){.number = number, .old = old};
    undo->count++;
    return 0;
}

static int note_page(struct undo *undo, int fd, uint64_t number)
{
    uint64_t place = find(undo, number);
    if (place < undo->count && undo->pages[place].number == number) {
        undo->pages[place].lost = false;
        return 0;
    }
    uint8_t *old = read_page(fd, number);
    if (old == NULL) {
        return errno;
    }
    int error = insert_page(undo, place, number, old);
    if (error != 0) {
        free(old);
    }
    return error;
}

int undo_note(struct undo *undo, int fd, uint64_t offset, uint64_t bytes)
{
    if (!undo->changed) {
        struct stat status;
        if (fstat(fd, &status) != 0) {
            return errno;
        }
        undo->bytes_durable = (uint64_t)status.st_size;
        undo->changed = true;
    }
    uint64_t end = bytes > UINT64_MAX - offset ? UINT64_MAX : offset + bytes;
    uint64_t page = offset / PAGE_BYTES;
    int error = 0;
    for (; error == 0 && page * PAGE_BYTES < end && page * PAGE_BYTES < undo->bytes_durable;
         page++) {
        error = note_page(undo, fd, page);
    }
    for (uint64_t i = find(undo, page); i < undo->count; i++) {
        undo->pages[i].lost = undo->pages[i].lost && undo->pages[i].number * PAGE_BYTES >= end;
    }
    return error;
}

int undo_synced(struct undo *undo, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return errno;
    }
    uint64_t kept = 0;
    for (uint64_t i = 0; i < undo->count; i++) {
        if (undo->pages[i].lost) {
            undo->pages[kept++] = undo->pages[i];
        } else {
            free(undo->pages[i].old);
        }
    }
    undo->count = kept;
    undo->changed = kept > 0;
    undo->bytes_durable = (uint64_t)status.st_size;
    return 0;
}

/* What was appended is lost as well: should the file's length become durable yet, there are zeros.
 */
int undo_sync_failed(struct undo *undo, int fd)
{
    struct stat status;
    if (!undo->changed) {
        return 0;
    }
    if (fstat(fd, &status) != 0) {
        return errno;
    }
    uint64_t first = (undo->bytes_durable + PAGE_BYTES - 1) / PAGE_BYTES;
    for (uint64_t page = first; page * PAGE_BYTES < (uint64_t)status.st_size; page++) {
        uint64_t place = find(undo, page);
        if (place == undo->count) {
            int error = insert_page(undo, place, page, NULL);
            if (error != 0) {
                return error;
            }
        }
    }
    for (uint64_t i = 0; i < undo->count; i++) {
        undo->pages[i].lost = true;
    }
    return 0;
}

bool undo_is_empty(const struct undo *undo)
{
    return !undo->changed;
}

static int put_back(const struct undo *undo, const struct undo_page *page, int fd)
{
    static const uint8_t zeros[PAGE_BYTES];
    const uint8_t *old = page->old != NULL ? page->old : zeros;
    uint64_t begin = page->number * PAGE_BYTES;
    uint64_t left = undo->bytes_durable - begin;
    uint64_t bytes = left < PAGE_BYTES ? left : PAGE_BYTES;
    ssize_t done = begin < undo->bytes_durable ? pwrite(fd, old, bytes, (off_t)begin) : 0;
    return done < 0 ? errno : 0;
}

int undo_power_cut(struct undo *undo, int fd, bool torn, unsigned *random)
{
    int error = 0;
    if (undo->changed && ftruncate(fd, (off_t)undo->bytes_durable) != 0) {
        error = errno;
    }
    for (uint64_t i = 0; i < undo->count; i++) {
        const struct undo_page *page = undo->pages + i;
        bool written = torn && !page->lost && rand_r(random) % 2 == 0;
        int failed = written ? 0 : put_back(undo, page, fd);
        error = error != 0 ? error : failed;
    }
    undo_deinit(undo);
    return error;
}

void undo_deinit(struct undo *undo)
{
    for (uint64_t i = 0; i < undo->count; i++) {
        free(undo->pages[i].old);
    }
    free(undo->pages);
    *undo = (struct undo){0};
}
