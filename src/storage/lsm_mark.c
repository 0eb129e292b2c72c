#include "storage/lsm_mark.h"

#include "base/byteorder.h"
#include "base/hash.h"
#include "shoal/error.h"

#define FORMAT 1u
#define IDENTITY_BYTES 16u /* the lasting half of a disk identity */
#define OWNER_MAGIC "SHOALLSM"
#define CLEAN_MAGIC "SHOALCLN"
#define OWNER_BYTES 56u
#define CLEAN_BYTES 32u
#define FLAG_BEHIND 1u
#define FLAG_LOST 2u
#define FLAG_MADE 4u

_Static_assert(DISK_IDENTITY_LASTING_BYTES == IDENTITY_BYTES,
               "the owner file holds the lasting half");

/* ---- small files ---- */

/* The content, with its magic and checksum right. */
static int file_read(struct disk *disk, const char *name, const char *magic, uint8_t *out,
                     size_t len)
{
    struct disk_file *file;
    int code = disk->ops->open(disk, name, DISK_OPEN_READ, &file);
    if (code != 0) {
        return code;
    }
    size_t got = 0;
    code = disk->ops->read(file, 0, out, len, &got);
    disk->ops->close(file);
    if (code != 0) {
        return code;
    }
    if (got < 12 || memcmp(out, magic, 8) != 0) {
        return SHOAL_EPROTO;
    }
    if (load_u32_le(out + 8) > FORMAT) {
        return SHOAL_EVERSION;
    }
    bool sealed = got == len && load_u64_le(out + len - 8) == hash_xxh3(bytes_make(out, len - 8));
    return sealed ? 0 : SHOAL_EPROTO;
}

static int file_fill(struct disk *disk, struct disk_file *file, uint8_t *content, size_t len)
{
    store_u64_le(content + len - 8, hash_xxh3(bytes_make(content, len - 8)));
    int code = disk->ops->write(file, 0, bytes_make(content, len));
    return code != 0 ? code : disk->ops->sync(file);
}

/* Under a temporary name first; with the identity of the file at `identity_at`, if not 0. */
static int file_write(struct disk *disk, const char *name, uint8_t *content, size_t len,
                      size_t identity_at)
{
    static const char temporary[] = "mark.new";
    struct disk_file *file;
    uint8_t identity[DISK_IDENTITY_BYTES];
    int code = disk->ops->remove(disk, temporary);
    if (code != 0 && code != SHOAL_ENOTFOUND) {
        return code;
    }
    code = disk->ops->open(disk, temporary, DISK_OPEN_CREATE, &file);
    if (code != 0) {
        return code;
    }
    code = disk->ops->identity(disk, temporary, identity);
    if (code == 0) {
        if (identity_at > 0) {
            memcpy(content + identity_at, identity, IDENTITY_BYTES);
        }
        code = file_fill(disk, file, content, len);
    }
    disk->ops->close(file);
    if (code == 0) {
        code = disk->ops->rename(disk, temporary, name);
    }
    return code != 0 ? code : disk->ops->sync_folder(disk);
}

/* ---- the owner ---- */

int lsm_owner_read(struct disk *disk, struct lsm_owner *out)
{
    uint8_t content[OWNER_BYTES];
    uint8_t identity[DISK_IDENTITY_BYTES];
    int code = file_read(disk, "owner", OWNER_MAGIC, content, sizeof(content));
    if (code == 0) {
        code = disk->ops->identity(disk, "owner", identity);
    }
    if (code != 0) {
        return code;
    }
    uint32_t flags = load_u32_le(content + 16);
    *out = (struct lsm_owner){.durability = load_u32_le(content + 12),
                              .behind = (flags & FLAG_BEHIND) != 0,
                              .lost = (flags & FLAG_LOST) != 0,
                              .made = (flags & FLAG_MADE) != 0,
                              .boot = load_u64_le(content + 24),
                              .copied = memcmp(content + 32, identity, IDENTITY_BYTES) != 0};
    return 0;
}

int lsm_owner_write(struct disk *disk, const struct lsm_owner *owner)
{
    uint8_t content[OWNER_BYTES] = OWNER_MAGIC;
    store_u32_le(content + 8, FORMAT);
    store_u32_le(content + 12, owner->durability);
    uint32_t flags = owner->made ? FLAG_MADE : 0;
    flags |= owner->behind ? FLAG_BEHIND : 0;
    flags |= owner->lost ? FLAG_LOST : 0;
    store_u32_le(content + 16, flags);
    store_u64_le(content + 24, owner->boot);
    return file_write(disk, "owner", content, sizeof(content), 32);
}

/* ---- the clean mark ---- */

struct fingerprint {
    struct disk *disk;
    uint64_t sum;
    int code;
};

/* A sum, so that the order in which the files are listed doesn't matter. */
static void add_file(void *self, const char *name, uint64_t bytes)
{
    struct fingerprint *print = self;
    struct bytes text = bytes_from_string(name);
    uint8_t identity[DISK_IDENTITY_BYTES + 8];
    bool of_no_weight = strncmp(name, "LOG", 3) == 0 || strcmp(name, "LOCK") == 0;
    if (print->code != 0 || of_no_weight) {
        return;
    }
    print->code = print->disk->ops->identity(print->disk, name, identity);
    store_u64_le(identity + DISK_IDENTITY_BYTES, bytes);
    print->sum += hash_mix(hash_seeded(hash_xxh3(text), bytes_make(identity, sizeof(identity))));
}

int lsm_fingerprint(struct disk *database, uint64_t *out)
{
    struct fingerprint print = {.disk = database};
    int code = database->ops->list(database, add_file, &print);
    if (code != 0 || print.code != 0) {
        return code != 0 ? code : print.code;
    }
    *out = print.sum;
    return 0;
}

bool lsm_clean_read(struct disk *disk, uint64_t fingerprint)
{
    uint8_t content[CLEAN_BYTES];
    return file_read(disk, "clean", CLEAN_MAGIC, content, sizeof(content)) == 0 &&
           load_u64_le(content + 16) == fingerprint;
}

int lsm_clean_write(struct disk *disk, uint64_t fingerprint)
{
    uint8_t content[CLEAN_BYTES] = CLEAN_MAGIC;
    store_u32_le(content + 8, FORMAT);
    store_u64_le(content + 16, fingerprint);
    return file_write(disk, "clean", content, sizeof(content), 0);
}

int lsm_clean_remove(struct disk *disk)
{
    int code = disk->ops->remove(disk, "clean");
    if (code == SHOAL_ENOTFOUND) {
        return 0;
    }
    return code != 0 ? code : disk->ops->sync_folder(disk);
}
