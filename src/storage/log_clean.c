/* What tells one start about the end of the process before. Three small files (log_file.h) beside
 * the segments, all numbers little-endian:
 *
 *      volume   u64 id, u32 partitions, u32 0                            for good
 *      running  u64 id, u64 boot, u64 next number, u64 sequence, u32 durability, u32 0, 16 bytes
 *               lasting identity of the file "volume"                    written by every opening
 *      clean    u64 id, u64 next number, u64 sequence, 32 bytes identity of the file "volume", then
 *               u64 number and 32 bytes identity of each segment         by a clean close
 *
 * A clean record counts when every file is the very one that it names, unchanged; the opening
 * removes it durably before anything can be written. So it is good for one start, and neither for a
 * copy of the folder nor for one that was restored. */
#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "base/random.h"
#include "shoal/error.h"
#include "storage/log_file.h"
#include "storage/log_scan.h"
#include "storage/log_volume_state.h"

#define RUNNING_HEAD_BYTES 40u
#define RUNNING_BYTES (RUNNING_HEAD_BYTES + DISK_IDENTITY_LASTING_BYTES)
#define CLEAN_HEAD_BYTES (24u + DISK_IDENTITY_BYTES)
#define CLEAN_FILE_BYTES (8u + DISK_IDENTITY_BYTES)

const struct log_file log_volume_file = {LOG_VOLUME_FILE, "SHOALVOL", 1, 4096};
const struct log_file log_running_file = {"running", "SHOALRUN", 1, 4096};
const struct log_file log_clean_file = {"clean", "SHOALCLN", 1, 256u * LIMIT_MIB};

int log_marker_read(struct log_volume *volume, const struct log_file *file, struct buffer *body,
                    bool *damaged, char text[LOG_TEXT_BYTES])
{
    int error = log_file_read(volume->disk, file, body);
    *damaged = error == SHOAL_EPROTO;
    if (error == SHOAL_EVERSION) {
        return log_volume_refuse(text, error,
                                 "%s: written by a newer version of Shoal, in a format that this "
                                 "one (format %u) does not read: start the newer version again",
                                 file->name, file->format);
    }
    if (error == SHOAL_EPROTO) {
        log_warning("log: a marker is damaged", LOG_TEXT("file", file->name));
    }
    if (error == SHOAL_ENOTFOUND || error == SHOAL_EPROTO) {
        return 1;
    }
    return error == 0 ? 0 : log_volume_disk_failed(volume, error, text);
}

/* ---- volume ---- */

static int volume_write(struct log_volume *volume, char text[LOG_TEXT_BYTES])
{
    uint8_t body[LOG_VOLUME_BODY_BYTES] = {0};
    store_u64_le(body, volume->id);
    store_u32_le(body + 8, volume->partitions);
    int error = log_file_write(volume->disk, &log_volume_file, bytes_make(body, sizeof(body)));
    return error == 0 ? 0 : log_volume_disk_failed(volume, error, text);
}

/* The id that a segment's header names. */
static int id_from_segments(struct log_volume *volume, const struct log_listing *listing)
{
    for (uint32_t i = 0; i < listing->segment_count; i++) {
        char name[LOG_NAME_BYTES];
        struct disk_file *file;
        struct log_header header;
        log_segment_name(listing->segments[i].number, name);
        if (volume->disk->ops->open(volume->disk, name, DISK_OPEN_READ, &file) != 0) {
            continue;
        }
        int error = log_scan_header(volume->disk, file, &header);
        volume->disk->ops->close(file);
        if (error == 0) {
            volume->id = header.origin.volume;
            return 0;
        }
    }
    return SHOAL_ENOTFOUND;
}

static int volume_make(struct log_volume *volume, const struct log_volume_options *options,
                       const struct log_listing *listing, char text[LOG_TEXT_BYTES])
{
    if (volume->read_only && listing->segment_count == 0) {
        return log_volume_refuse(text, SHOAL_ENOTFOUND, "there is no log in this folder");
    }
    if (listing->segment_count > 0 && id_from_segments(volume, listing) == 0) {
        log_warning("log: the file \"volume\" is made again from what the segments say",
                    LOG_HEX("volume", volume->id));
    } else {
        volume->id = options->id;
        if (volume->id == 0 && random_from_kernel(&volume->id, sizeof(volume->id)) != 0) {
            return log_volume_refuse(text, SHOAL_EIO, "the kernel gives no random numbers");
        }
    }
    return volume->read_only ? 0 : volume_write(volume, text);
}

int log_clean_identify(struct log_volume *volume, const struct log_volume_options *options,
                       const struct log_listing *listing, char text[LOG_TEXT_BYTES])
{
    struct buffer body;
    bool damaged;
    buffer_init(&body, 0);
    int code = log_marker_read(volume, &log_volume_file, &body, &damaged, text);
    if (code == 0 && body.len != LOG_VOLUME_BODY_BYTES) {
        code = 1;
    }
    if (code == 1) {
        code = volume_make(volume, options, listing, text);
    } else if (code == 0) {
        volume->id = load_u64_le(body.data);
        uint32_t partitions = load_u32_le(body.data + 8);
        if (partitions != volume->partitions) {
            code = log_volume_refuse(text, SHOAL_EINVAL,
                                     "volume: this folder holds data of a cluster with %u "
                                     "partitions, not %u: use the number that it was made with, or "
                                     "another folder",
                                     partitions, volume->partitions);
        }
    }
    buffer_deinit(&body);
    return code;
}

/* ---- running and clean ---- */

/* What the running marker of the process before says. */
struct running {
    bool present;
    uint64_t boot;
    uint32_t durability;
    bool copied; /* it was written in another folder than this */
};

/* Neither numbers nor sequences are ever used again. */
static void counters_raise(struct log_volume *volume, uint64_t next_number, uint64_t sequence)
{
    if (next_number > volume->next_number) {
        volume->next_number = next_number;
    }
    if (sequence > volume->sequence) {
        volume->sequence = sequence;
    }
}

static int running_read(struct log_volume *volume, struct running *out, char text[LOG_TEXT_BYTES])
{
    struct buffer body;
    bool damaged;
    uint8_t identity[DISK_IDENTITY_BYTES];
    *out = (struct running){0};
    buffer_init(&body, 0);
    int code = log_marker_read(volume, &log_running_file, &body, &damaged, text);
    if (code == 0 && body.len == RUNNING_BYTES && load_u64_le(body.data) == volume->id) {
        int error = volume->disk->ops->identity(volume->disk, log_volume_file.name, identity);
        out->present = true;
        out->boot = load_u64_le(body.data + 8);
        out->durability = load_u32_le(body.data + 32);
        out->copied = error != 0 || memcmp(body.data + RUNNING_HEAD_BYTES, identity,
                                           DISK_IDENTITY_LASTING_BYTES) != 0;
        counters_raise(volume, load_u64_le(body.data + 16), load_u64_le(body.data + 24));
    }
    buffer_deinit(&body);
    return code < 0 ? code : 0;
}

static int running_write(struct log_volume *volume, const struct log_volume_options *options)
{
    struct disk *disk = volume->disk;
    uint8_t body[RUNNING_BYTES] = {0};
    uint8_t identity[DISK_IDENTITY_BYTES];
    int error = disk->ops->identity(disk, log_volume_file.name, identity);
    if (error != 0) {
        return error;
    }
    store_u64_le(body, volume->id);
    store_u64_le(body + 8, options->boot);
    store_u64_le(body + 16, volume->next_number);
    store_u64_le(body + 24, volume->sequence);
    store_u32_le(body + 32, (uint32_t)options->durability);
    memcpy(body + RUNNING_HEAD_BYTES, identity, DISK_IDENTITY_LASTING_BYTES);
    return log_file_write(disk, &log_running_file, bytes_make(body, sizeof(body)));
}

/* A full disk may have no room for saying that all are behind: then the former marker stays, which
 * will lead the next start to the same conclusion. */
int log_clean_running(struct log_volume *volume, const struct log_volume_options *options,
                      char text[LOG_TEXT_BYTES])
{
    struct disk *disk = volume->disk;
    bool keep = volume->unsaved && volume->behind;
    int error = keep ? 0 : running_write(volume, options);
    if (error == 0) {
        error = disk->ops->remove(disk, log_clean_file.name);
        error = error == 0 ? disk->ops->sync_folder(disk) : error;
        error = error == SHOAL_ENOTFOUND ? 0 : error;
    }
    return error == 0 ? 0 : log_volume_disk_failed(volume, error, text);
}

/* How the clean record and the folder agree. */
enum agreement {
    CLEAN_OTHER,   /* files are missing, new, or copies */
    CLEAN_TOUCHED, /* the files are those, but something was done to them */
    CLEAN_SAME,
};

static enum agreement file_agreement(struct disk *disk, const char *name, const uint8_t *expected)
{
    uint8_t identity[DISK_IDENTITY_BYTES];
    if (disk->ops->identity(disk, name, identity) != 0 ||
        memcmp(identity, expected, DISK_IDENTITY_LASTING_BYTES) != 0) {
        return CLEAN_OTHER;
    }
    return memcmp(identity, expected, DISK_IDENTITY_BYTES) == 0 ? CLEAN_SAME : CLEAN_TOUCHED;
}

static enum agreement clean_agreement(struct log_volume *volume, const struct log_listing *listing,
                                      struct bytes body)
{
    if (body.len != CLEAN_HEAD_BYTES + (size_t)listing->segment_count * CLEAN_FILE_BYTES) {
        return CLEAN_OTHER;
    }
    enum agreement result = file_agreement(volume->disk, log_volume_file.name, body.data + 24);
    const uint8_t *at = body.data + CLEAN_HEAD_BYTES;
    for (uint32_t i = 0; i < listing->segment_count; i++, at += CLEAN_FILE_BYTES) {
        char name[LOG_NAME_BYTES];
        log_segment_name(listing->segments[i].number, name);
        enum agreement one = load_u64_le(at) == listing->segments[i].number
                                 ? file_agreement(volume->disk, name, at + 8)
                                 : CLEAN_OTHER;
        result = one < result ? one : result;
    }
    return result;
}

/* 0: there is a clean record, and how far it is to be believed; 1: there is none. */
static int clean_read(struct log_volume *volume, const struct log_listing *listing,
                      enum agreement *out, char text[LOG_TEXT_BYTES])
{
    struct buffer body;
    bool damaged;
    buffer_init(&body, 0);
    int code = log_marker_read(volume, &log_clean_file, &body, &damaged, text);
    if (code == 0 && (body.len < CLEAN_HEAD_BYTES || load_u64_le(body.data) != volume->id)) {
        code = 1;
    }
    if (code == 0) {
        counters_raise(volume, load_u64_le(body.data + 8), load_u64_le(body.data + 16));
        *out = clean_agreement(volume, listing, buffer_bytes(&body));
    }
    buffer_deinit(&body);
    return code;
}

int log_clean_begin(struct log_volume *volume, const struct log_volume_options *options,
                    const struct log_listing *listing, char text[LOG_TEXT_BYTES])
{
    struct running running;
    enum agreement agreement = CLEAN_OTHER;
    int error = running_read(volume, &running, text);
    volume->same_boot = running.present && running.boot == options->boot;
    int clean = error == 0 ? clean_read(volume, listing, &agreement, text) : error;
    if (clean < 0) {
        return clean;
    }
    if (clean == 0) {
        volume->resumed = agreement == CLEAN_SAME || MUTANT(copy_resumes);
        volume->copied = agreement == CLEAN_OTHER && !MUTANT(copy_resumes);
    } else {
        volume->copied = running.present ? running.copied : listing->segment_count > 0;
        volume->behind =
            running.present && running.durability != LOG_SYNC && running.boot != options->boot;
    }
    volume->behind = volume->behind || volume->copied;
    volume->unsaved = volume->behind;
    error = log_lost_read(volume, text);
    if (error != 0) {
        return error;
    }
    if (volume->copied) {
        log_warning("log: this folder is a copy, or something in it was replaced: its data may be "
                    "old, so holdings are refilled by their peers");
    }
    error = log_lost_save(volume);
    return error == 0 ? 0 : log_volume_disk_failed(volume, error, text);
}

static int clean_encode(struct log_volume *volume, const struct log_listing *listing,
                        struct buffer *body)
{
    struct disk *disk = volume->disk;
    int error =
        buffer_reserve(body, CLEAN_HEAD_BYTES + (size_t)listing->segment_count * CLEAN_FILE_BYTES);
    if (error != 0) {
        return error;
    }
    uint8_t *at = body->data;
    store_u64_le(at, volume->id);
    store_u64_le(at + 8, volume->next_number);
    store_u64_le(at + 16, volume->sequence);
    error = disk->ops->identity(disk, log_volume_file.name, at + 24);
    at += CLEAN_HEAD_BYTES;
    for (uint32_t i = 0; error == 0 && i < listing->segment_count; i++, at += CLEAN_FILE_BYTES) {
        char name[LOG_NAME_BYTES];
        log_segment_name(listing->segments[i].number, name);
        store_u64_le(at, listing->segments[i].number);
        error = disk->ops->identity(disk, name, at + 8);
    }
    body->len = (size_t)(at - body->data);
    return error;
}

int log_clean_end(struct log_volume *volume)
{
    struct log_listing listing;
    int error = log_volume_losses_known(volume);
    error = error == 0 ? log_listing_read(volume->disk, &listing) : error;
    if (error != 0) {
        return error;
    }
    struct buffer body;
    buffer_init(&body, 0);
    error = clean_encode(volume, &listing, &body);
    if (error == 0) {
        error = log_file_write(volume->disk, &log_clean_file, buffer_bytes(&body));
    }
    buffer_deinit(&body);
    log_listing_free(&listing);
    return error;
}
