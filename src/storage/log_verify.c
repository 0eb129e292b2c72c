/* See log_verify.h. */
#include "storage/log_verify.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_tally.h"
#include "storage/log_volume_state.h"

#define NAMED_PARTITIONS_MAX 8u

struct verify {
    struct disk *disk;
    log_verify_place place;
    void *self;
    struct log_verdict *verdict;
    struct log_volume volume; /* id, partitions and disk of it */
    struct log_hint **hints;  /* what each segment holds */
    uint32_t hint_count;
    char *text;
};

/* One segment under way. */
struct subject {
    char name[LOG_NAME_BYTES];
    char hint_name[LOG_NAME_BYTES];
    struct disk_file *file;
    struct log_header header;
    struct log_hint *hint; /* the file's; NULL: none that can be used */
    struct log_census census;
    struct log_hint *found; /* what the scan says */
};

static void place_tell(struct verify *verify, const char *file, uint64_t offset, uint64_t bytes,
                       const char *what)
{
    verify->verdict->damaged_places++;
    verify->verdict->damaged_bytes += bytes;
    verify->place(verify->self, file, offset, bytes, what);
}

/* ---- markers ---- */

static int marker_verify(struct verify *verify, const struct log_file *file, struct buffer *body)
{
    int error = log_file_read(verify->disk, file, body);
    if (error == SHOAL_EPROTO) {
        place_tell(verify, file->name, 0, 0, "the file does not check out");
    }
    if (error == SHOAL_EVERSION) {
        return log_volume_refuse(verify->text, error, "%s: written by a newer version of Shoal",
                                 file->name);
    }
    if (error == SHOAL_ENOTFOUND || error == SHOAL_EPROTO) {
        return 1;
    }
    return error == 0 ? 0 : log_volume_disk_failed(&verify->volume, error, verify->text);
}

static int markers_verify(struct verify *verify)
{
    static const struct log_file *const files[] = {&log_running_file, &log_clean_file,
                                                   &log_lost_file};
    struct buffer body;
    buffer_init(&body, 0);
    int code = marker_verify(verify, &log_volume_file, &body);
    if (code == 0 && body.len == LOG_VOLUME_BODY_BYTES) {
        verify->volume.id = load_u64_le(body.data);
        verify->volume.partitions = load_u32_le(body.data + 8);
    }
    for (size_t i = 0; code >= 0 && i < sizeof(files) / sizeof(files[0]); i++) {
        buffer_clear(&body);
        code = marker_verify(verify, files[i], &body);
    }
    buffer_deinit(&body);
    return code < 0 ? code : 0;
}

/* ---- segments ---- */

/* Whose records a damaged place held, as the hint has it. */
struct holders {
    struct log_hint_place place;
    uint32_t partition;
    bool held;
};

static int holders_visit(void *self, const struct log_hint_entry *entry)
{
    struct holders *holders = self;
    holders->held =
        holders->held || (entry->offset < holders->place.offset + holders->place.bytes &&
                          holders->place.offset < entry->offset + entry->bytes);
    return 0;
}

static void text_add(char text[LOG_TEXT_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void text_add(char text[LOG_TEXT_BYTES], const char *format, ...)
{
    va_list arguments;
    size_t len = strlen(text);
    va_start(arguments, format);
    (void)vsnprintf(text + len, LOG_TEXT_BYTES - len, format, arguments);
    va_end(arguments);
}

static const char *family_text(uint32_t family)
{
    return family == ENGINE_FAMILY_DATA    ? ""
           : family == ENGINE_FAMILY_HINTS ? " (hints)"
                                           : " (intents)";
}

static void holders_tell(const struct verify *verify, const struct subject *subject,
                         struct log_hint_place place, char text[LOG_TEXT_BYTES])
{
    uint32_t named = 0;
    uint32_t data = verify->volume.partitions != 0 ? verify->volume.partitions : LOG_PARTITIONS_MAX;
    for (uint32_t i = 0; i < log_hint_groups(subject->hint); i++) {
        struct holders holders = {.place = place,
                                  .partition = log_hint_partition(subject->hint, i)};
        int error = log_hint_read(subject->hint, holders.partition, holders_visit, &holders);
        if (error != 0 || !holders.held) {
            continue;
        }
        if (named < NAMED_PARTITIONS_MAX) {
            text_add(text, "%s%u%s", named == 0 ? "; it held records of partition " : ", ",
                     holders.partition % data, family_text(holders.partition / data));
        }
        named++;
    }
    if (named > NAMED_PARTITIONS_MAX) {
        text_add(text, " and %u more", named - NAMED_PARTITIONS_MAX);
    }
}

static void places_tell(struct verify *verify, const struct subject *subject)
{
    for (uint32_t i = 0; i < log_hint_places(subject->found); i++) {
        struct log_hint_place place = log_hint_place(subject->found, i);
        char text[LOG_TEXT_BYTES] = "does not check out";
        if (subject->hint != NULL) {
            holders_tell(verify, subject, place, text);
        }
        place_tell(verify, subject->name, place.offset, place.bytes, text);
    }
    const struct log_scan_result *result = &subject->census.result;
    if (result->shortened) {
        place_tell(verify, subject->name, result->end, 0,
                   "the file ends here, before its end; more records may have followed");
    }
}

/* Takes over one of the two, which say the same where nothing is damaged: then the file's, because
 * that takes no memory. */
static int hints_compare(struct verify *verify, struct subject *subject)
{
    const struct log_scan_result *result = &subject->census.result;
    int error = subject->hint != NULL ? log_hint_check(subject->hint) : SHOAL_EPROTO;
    if (error == SHOAL_ENOMEM) {
        return error;
    }
    bool agree = error == 0 && log_hint_agree(subject->hint, subject->found);
    if (subject->hint != NULL && !agree && result->damaged == 0 && !result->shortened) {
        verify->verdict->bad_hints++;
        verify->place(verify->self, subject->hint_name, 0, 0,
                      "the hint does not say what the segment says; the next start makes it again");
    }
    struct log_hint **kept = agree ? &subject->hint : &subject->found;
    verify->hints[verify->hint_count++] = *kept;
    *kept = NULL;
    return 0;
}

static int segment_scan(struct verify *verify, struct subject *subject)
{
    uint64_t durable = subject->hint != NULL ? log_hint_summary(subject->hint)->end : 0;
    uint32_t partitions = verify->volume.partitions != 0
                              ? engine_partition_count(verify->volume.partitions)
                              : LOG_PARTITIONS_MAX;
    int error = log_census_take(verify->disk, subject->file, &subject->header, durable, partitions,
                                &subject->census);
    if (error != 0) {
        return error;
    }
    struct log_hint_verdict verdict = {.end = subject->census.result.end};
    error = log_hint_keep(subject->census.builder, &verdict, &subject->found);
    if (error != 0) {
        return error;
    }
    verify->verdict->records += log_hint_builder_total(subject->census.builder);
    verify->verdict->torn_tails += subject->census.result.torn > 0;
    places_tell(verify, subject);
    return hints_compare(verify, subject);
}

static int hint_find(struct verify *verify, struct subject *subject,
                     const struct log_origin *origin)
{
    int error = log_hint_open(verify->disk, origin, &subject->hint);
    if (error == SHOAL_ENOMEM || error == 0 || error == SHOAL_ENOTFOUND) {
        return error == SHOAL_ENOMEM ? error : 0;
    }
    verify->verdict->bad_hints++;
    verify->place(verify->self, subject->hint_name, 0, 0,
                  "the hint does not check out; the next start makes it again");
    return 0;
}

static void segment_refuse(struct verify *verify, const struct subject *subject, const char *what)
{
    verify->verdict->refused_files++;
    verify->place(verify->self, subject->name, 0, 0, what);
}

static int segment_examine(struct verify *verify, struct subject *subject, uint64_t number)
{
    int error = log_scan_header(verify->disk, subject->file, &subject->header);
    if (error == SHOAL_EVERSION) {
        return log_volume_refuse(verify->text, error, "%s: written by a newer version of Shoal",
                                 subject->name);
    }
    bool readable = error == 0 && subject->header.origin.number == number;
    if (readable && verify->volume.id == 0) {
        verify->volume.id = subject->header.origin.volume; /* the file "volume" doesn't say */
    }
    if (readable && subject->header.origin.volume != verify->volume.id) {
        segment_refuse(verify, subject, "a segment of another log: no start reads it");
        return 0;
    }
    struct log_origin origin = {.volume = verify->volume.id, .number = number};
    error = hint_find(verify, subject, &origin);
    if (error != 0) {
        return error;
    }
    if (subject->hint != NULL && log_hint_summary(subject->hint)->refused) {
        segment_refuse(verify, subject, "could not be read at an earlier start: no start reads it");
        return 0;
    }
    if (!readable) {
        place_tell(verify, subject->name, 0, LOG_HEADER_BYTES, "the header does not check out");
        if (subject->hint == NULL) {
            segment_refuse(verify, subject, "without header and hint no start reads it");
            return 0;
        }
        const struct log_hint_summary *summary = log_hint_summary(subject->hint);
        subject->header = (struct log_header){
            .origin = origin, .capacity = summary->end, .first_sequence = summary->first_sequence};
    }
    return segment_scan(verify, subject);
}

static int segment_verify(struct verify *verify, const struct log_listed *listed)
{
    struct subject subject = {0};
    log_segment_name(listed->number, subject.name);
    log_hint_name(listed->number, subject.hint_name);
    verify->verdict->segments++;
    verify->verdict->bytes += listed->bytes;
    int error = verify->disk->ops->open(verify->disk, subject.name, DISK_OPEN_READ, &subject.file);
    if (error == 0) {
        error = segment_examine(verify, &subject, listed->number);
        verify->disk->ops->close(subject.file);
    }
    log_hint_free(subject.hint);
    log_hint_free(subject.found);
    log_hint_builder_free(subject.census.builder);
    return error == 0 || error == SHOAL_EVERSION
               ? error
               : log_volume_disk_failed(&verify->volume, error, verify->text);
}

/* ---- all ---- */

static int live_count(struct verify *verify)
{
    struct log_tally tally;
    int error = 0;
    log_tally_init(&tally);
    for (uint32_t partition = 0; error == 0 && partition < LOG_PARTITIONS_MAX; partition++) {
        log_tally_clear(&tally);
        for (uint32_t i = 0; error == 0 && i < verify->hint_count; i++) {
            error = log_hint_read(verify->hints[i], partition, log_tally_add, &tally);
        }
        if (error == 0) {
            log_tally_count(&tally, &verify->verdict->live, &verify->verdict->live_bytes);
        }
    }
    log_tally_deinit(&tally);
    return error == 0 ? 0 : log_volume_disk_failed(&verify->volume, error, verify->text);
}

static int all_verify(struct verify *verify, const struct log_listing *listing)
{
    int error = markers_verify(verify);
    if (error == 0 && verify->volume.id == 0 && listing->segment_count == 0) {
        return log_volume_refuse(verify->text, SHOAL_ENOTFOUND, "there is no log in this folder");
    }
    verify->hints = mem_alloc_zeroed(listing->segment_count, sizeof(struct log_hint *));
    if (verify->hints == NULL) {
        return log_volume_disk_failed(&verify->volume, SHOAL_ENOMEM, verify->text);
    }
    for (uint32_t i = 0; error == 0 && i < listing->segment_count; i++) {
        error = segment_verify(verify, &listing->segments[i]);
    }
    return error == 0 ? live_count(verify) : error;
}

int log_verify(struct disk *disk, log_verify_place place, void *self, struct log_verdict *out,
               char text[512])
{
    struct log_verdict verdict = {0};
    struct verify verify = {.disk = disk,
                            .place = place,
                            .self = self,
                            .verdict = &verdict,
                            .volume = {.disk = disk},
                            .text = text};
    struct log_listing listing = {0};
    int error = log_listing_read(disk, &listing);
    error = error == 0 ? all_verify(&verify, &listing)
                       : log_volume_disk_failed(&verify.volume, error, text);
    for (uint32_t i = 0; i < verify.hint_count; i++) {
        log_hint_free(verify.hints[i]);
    }
    mem_free(verify.hints);
    log_listing_free(&listing);
    if (error == 0) {
        *out = verdict;
    }
    return error;
}
