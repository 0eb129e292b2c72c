/* What a start makes of each segment it finds.
 *
 *      hint valid, file as long as it says                 taken as it is
 *      no such hint                                        scanned; if it holds nothing, removed
 *        a torn tail                                       cut: it was never confirmed
 *        rot, or missing its end                           what checks out is kept, the rest is
 * lost header damaged, no hint                             refused: left as it is, all are lost
 *      another volume's                                    refused: left as it is
 *
 * Of which partitions something was lost is told by the table of the former hint, where it is still
 * good: those of which fewer records are left. Otherwise it may be any. A segment that was refused
 * once stays so (its hint says it): if it came back later, it would bring records back whose
 * removals are no longer there to hide them. */
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"
#include "storage/log_volume_state.h"

struct recovery {
    struct log_volume *volume;
    struct disk *disk;
    const struct log_volume_options *options;
    struct log_progress progress;
    char *text;
};

/* One segment under way. */
struct patient {
    uint64_t number;
    uint64_t file_bytes;
    char name[LOG_NAME_BYTES];
    struct disk_file *file;
    struct log_header header;
    struct log_hint *hint; /* head and table are good; the groups may not be */
    struct log_census census;
};

static int disk_failed(struct recovery *recovery, int code)
{
    return log_volume_disk_failed(recovery->volume, code, recovery->text);
}

static void hint_remove(struct recovery *recovery, uint64_t number)
{
    char name[LOG_NAME_BYTES];
    log_hint_name(number, name);
    (void)recovery->disk->ops->remove(recovery->disk, name);
}

/* Takes the segment with its hint and file over into the volume. */
static int segment_take(struct recovery *recovery, struct patient *patient)
{
    struct log_volume *volume = recovery->volume;
    const struct log_hint_summary *summary = log_hint_summary(patient->hint);
    struct log_segment *segment = mem_alloc_zeroed(1, sizeof(*segment));
    if (segment == NULL) {
        return SHOAL_ENOMEM;
    }
    segment->origin = patient->header.origin;
    segment->first_sequence = patient->header.first_sequence;
    segment->file = patient->file;
    segment->end = summary->end;
    segment->sequence_min = summary->sequence_min;
    segment->sequence_max = summary->sequence_max;
    segment->damaged = summary->damaged;
    segment->hint = patient->hint;
    segment->users = 1; /* the opening itself, until log_volume_loaded */
    queue_init(&segment->link);
    patient->file = NULL;
    patient->hint = NULL;
    volume->segments[volume->segment_count++] = segment;
    if (segment->sequence_max > volume->sequence) {
        volume->sequence = segment->sequence_max;
    }
    return 0;
}

/* Whatever the file is, it is left alone, now and at later starts. */
static int segment_refuse(struct recovery *recovery, struct patient *patient, bool news)
{
    struct log_volume *volume = recovery->volume;
    volume->report.refused_files++;
    log_error("log: a segment is not to be read; it is left as it is",
              LOG_TEXT("file", patient->name));
    if (!news) {
        return 0;
    }
    log_lost_add_all(volume);
    int error = log_lost_save(volume);
    if (error != 0) {
        return disk_failed(recovery, error);
    }
    if (volume->read_only || volume->unsaved) {
        return 0;
    }
    struct log_origin origin = {.volume = volume->id, .number = patient->number};
    struct log_hint_verdict verdict = {.damaged = true, .refused = true};
    struct log_hint_builder *builder;
    error = log_hint_builder_new(&origin, 0, &builder);
    if (error == 0) {
        error = log_hint_write(builder, &verdict, recovery->disk);
        log_hint_builder_free(builder);
    }
    return error == 0 || error == SHOAL_ENOSPC ? 0 : disk_failed(recovery, error);
}

/* Compares what there is with what the former hint says there was, or with nothing to go by. True
 * when something was lost. */
static bool losses_find(struct recovery *recovery, const struct patient *patient)
{
    const struct log_scan_result *result = &patient->census.result;
    if (patient->hint == NULL) {
        if (result->damaged == 0 && !result->shortened) {
            return false;
        }
        log_lost_add_all(recovery->volume);
        return true;
    }
    bool lost = false;
    for (uint32_t i = 0; i < log_hint_groups(patient->hint); i++) {
        uint32_t partition = log_hint_partition(patient->hint, i);
        if (log_hint_builder_count(patient->census.builder, partition) <
            log_hint_count(patient->hint, partition)) {
            log_lost_add(recovery->volume, partition);
            lost = true;
        }
    }
    return lost;
}

static void scan_report(struct recovery *recovery, const struct patient *patient)
{
    const struct log_scan_result *result = &patient->census.result;
    struct log_report *report = &recovery->volume->report;
    if (result->torn > 0) {
        report->torn_tails++;
        report->torn_bytes += result->torn;
        log_info("log: the end of a segment that was being written is cut off",
                 LOG_TEXT("file", patient->name), LOG_U64("at", result->end),
                 LOG_U64("bytes", result->torn));
    }
    if (result->damaged > 0 || result->shortened) {
        report->damaged_places += result->damaged;
        report->damaged_bytes += result->damaged_bytes;
        log_error("log: a segment is damaged; what is lost of it comes back from other owners",
                  LOG_TEXT("file", patient->name), LOG_U64("places", result->damaged),
                  LOG_U64("bytes", result->damaged_bytes), LOG_U64("shortened", result->shortened));
    }
}

/* The hint of what was found, in memory only: where nothing can be written. */
static int segment_keep(struct recovery *recovery, struct patient *patient,
                        const struct log_hint_verdict *verdict)
{
    int error = log_hint_keep(patient->census.builder, verdict, &patient->hint);
    return error == 0 ? segment_take(recovery, patient) : error;
}

/* Makes it a closed segment of what was found. */
static int segment_close(struct recovery *recovery, struct patient *patient, bool damaged)
{
    struct log_volume *volume = recovery->volume;
    struct log_hint_verdict verdict = {.end = patient->census.result.end, .damaged = damaged};
    const struct log_origin *origin = &patient->header.origin;
    log_hint_free(patient->hint);
    patient->hint = NULL;
    if (volume->read_only) {
        return segment_keep(recovery, patient, &verdict);
    }
    /* After a restart of the machine what is read is what the disk has. */
    int error = MUTANT(cache_trusted) ? 0
                : volume->same_boot
                    ? log_segment_rewrite(recovery->disk, patient->file, &patient->census)
                    : recovery->disk->ops->sync(patient->file);
    if (error == 0) {
        error = damaged && volume->unsaved ? SHOAL_ENOSPC
                                           : log_segment_finish(recovery->disk, patient->file,
                                                                origin, &patient->census, &verdict);
    }
    if (error == SHOAL_ENOSPC) {
        return segment_keep(recovery, patient, &verdict);
    }
    error = error == 0 ? log_hint_open(recovery->disk, origin, &patient->hint) : error;
    return error == 0 ? segment_take(recovery, patient) : error;
}

static int segment_remove(struct recovery *recovery, struct patient *patient)
{
    recovery->disk->ops->close(patient->file);
    patient->file = NULL;
    int error = recovery->disk->ops->remove(recovery->disk, patient->name);
    hint_remove(recovery, patient->number);
    return error;
}

static int segment_rescan(struct recovery *recovery, struct patient *patient)
{
    struct log_volume *volume = recovery->volume;
    uint64_t durable = patient->hint != NULL ? log_hint_summary(patient->hint)->end : 0;
    int error = log_census_take(recovery->disk, patient->file, &patient->header, durable,
                                engine_partition_count(volume->partitions), &patient->census);
    if (error != 0) {
        return disk_failed(recovery, error);
    }
    recovery->progress.scanned++;
    scan_report(recovery, patient);
    bool lost = losses_find(recovery, patient);
    bool nothing = log_hint_builder_total(patient->census.builder) == 0;
    if (nothing && (lost || patient->census.result.damaged > 0)) {
        return segment_refuse(recovery, patient, true);
    }
    error = log_lost_save(volume);
    if (error == 0) {
        error = nothing && !volume->read_only ? segment_remove(recovery, patient)
                                              : segment_close(recovery, patient, lost);
    }
    return error == 0 ? 0 : disk_failed(recovery, error);
}

/* With a hint that is whole there is nothing to scan. */
static int segment_accept(struct recovery *recovery, struct patient *patient)
{
    uint64_t end = log_hint_summary(patient->hint)->end;
    int error = 0;
    if (patient->file_bytes > end && !recovery->volume->read_only) {
        error = recovery->disk->ops->truncate(patient->file, end);
    }
    error = error == 0 ? segment_take(recovery, patient) : error;
    return error == 0 ? 0 : disk_failed(recovery, error);
}

/* What the header says; else, of our own segment, what its hint remembers of it. 0, 1: refused, or
 * a failure. */
static int header_find(struct recovery *recovery, struct patient *patient)
{
    struct log_volume *volume = recovery->volume;
    struct log_origin origin = {.volume = volume->id, .number = patient->number};
    int error = log_scan_header(recovery->disk, patient->file, &patient->header);
    if (error == SHOAL_EVERSION) {
        return log_volume_refuse(recovery->text, error,
                                 "%s: written by a newer version of Shoal, in a format that this "
                                 "one (format %u) does not read: start the newer version again",
                                 patient->name, LOG_FORMAT);
    }
    bool readable = error == 0;
    if (readable && patient->header.origin.volume != volume->id) {
        volume->report.refused_files++;
        log_warning("log: a segment of another log is passed over",
                    LOG_TEXT("file", patient->name));
        return 1;
    }
    error = log_hint_open(recovery->disk, &origin, &patient->hint);
    if (error == SHOAL_ENOMEM) {
        return disk_failed(recovery, error);
    }
    if (error == 0 && log_hint_summary(patient->hint)->refused) {
        error = segment_refuse(recovery, patient, false);
        return error == 0 ? 1 : error;
    }
    if (readable && patient->header.origin.number == patient->number) {
        return 0;
    }
    if (patient->hint == NULL) {
        error = segment_refuse(recovery, patient, true);
        return error == 0 ? 1 : error;
    }
    const struct log_hint_summary *summary = log_hint_summary(patient->hint);
    patient->header = (struct log_header){
        .origin = origin, .capacity = summary->end, .first_sequence = summary->first_sequence};
    volume->report.damaged_places++;
    volume->report.damaged_bytes += LOG_HEADER_BYTES;
    log_error("log: a segment's header is damaged; its hint says all that is needed",
              LOG_TEXT("file", patient->name));
    return 0;
}

static int segment_examine(struct recovery *recovery, struct patient *patient)
{
    int code = header_find(recovery, patient);
    if (code != 0) {
        return code < 0 ? code : 0;
    }
    const struct log_hint_summary *summary =
        patient->hint != NULL ? log_hint_summary(patient->hint) : NULL;
    if (summary != NULL && !summary->older && patient->file_bytes >= summary->end) {
        int error = log_hint_check(patient->hint);
        if (error == 0) {
            return segment_accept(recovery, patient);
        }
        if (error == SHOAL_ENOMEM) {
            return disk_failed(recovery, error);
        }
    }
    return segment_rescan(recovery, patient);
}

static int segment_recover(struct recovery *recovery, const struct log_listed *listed)
{
    struct patient patient = {.number = listed->number, .file_bytes = listed->bytes};
    enum disk_open how = recovery->volume->read_only ? DISK_OPEN_READ : DISK_OPEN_WRITE;
    log_segment_name(listed->number, patient.name);
    int error = recovery->disk->ops->open(recovery->disk, patient.name, how, &patient.file);
    if (error != 0) {
        return disk_failed(recovery, error);
    }
    error = segment_examine(recovery, &patient);
    if (patient.file != NULL) {
        recovery->disk->ops->close(patient.file);
    }
    log_hint_free(patient.hint);
    log_hint_builder_free(patient.census.builder);
    return error;
}

/* Files that were under way, and hints whose segment is gone. */
static void leftovers_remove(struct recovery *recovery, const struct log_listing *listing)
{
    for (uint32_t i = 0; i < listing->temporary_count; i++) {
        (void)recovery->disk->ops->remove(recovery->disk, listing->temporaries[i]);
    }
    uint32_t segment = 0;
    for (uint32_t i = 0; i < listing->hint_count; i++) {
        uint64_t number = listing->hints[i].number;
        while (segment < listing->segment_count && listing->segments[segment].number < number) {
            segment++;
        }
        if (segment == listing->segment_count || listing->segments[segment].number != number) {
            hint_remove(recovery, number);
        }
    }
}

static void progress_tell(struct recovery *recovery)
{
    if (recovery->options->progress != NULL) {
        recovery->options->progress(recovery->options->progress_self, &recovery->progress);
    }
}

/* No number is used twice, not even that of a file that isn't ours. */
static void numbers_pass(struct log_volume *volume, const struct log_listing *listing)
{
    if (listing->segment_count > 0) {
        uint64_t last = listing->segments[listing->segment_count - 1].number;
        if (last >= volume->next_number && last < UINT64_MAX) {
            volume->next_number = last + 1;
        }
    }
}

int log_recovery_run(struct log_volume *volume, const struct log_volume_options *options,
                     const struct log_listing *listing, char text[LOG_TEXT_BYTES])
{
    struct recovery recovery = {
        .volume = volume, .disk = volume->disk, .options = options, .text = text};
    recovery.progress.segments = listing->segment_count;
    for (uint32_t i = 0; i < listing->segment_count; i++) {
        recovery.progress.bytes += listing->segments[i].bytes;
    }
    numbers_pass(volume, listing);
    volume->segments = mem_alloc(listing->segment_count * sizeof(struct log_segment *));
    if (volume->segments == NULL) {
        return disk_failed(&recovery, SHOAL_ENOMEM);
    }
    if (!volume->read_only) {
        leftovers_remove(&recovery, listing);
    }
    progress_tell(&recovery);
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < listing->segment_count; i++) {
        error = segment_recover(&recovery, &listing->segments[i]);
        recovery.progress.segments_done++;
        recovery.progress.bytes_done += listing->segments[i].bytes;
        progress_tell(&recovery);
    }
    if (error == 0 && !volume->read_only) {
        /* Also what the process before removed: gone here is gone for good. */
        error = volume->disk->ops->sync_folder(volume->disk);
        error = error == 0 ? 0 : disk_failed(&recovery, error);
    }
    return error;
}
