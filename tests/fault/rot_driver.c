/* Rot by the thousand, where starting a server for each would take hours: flips single bits of
 * segments and hints, and cuts a segment at every length, each time reading it with the code that
 * recovery and verifying read with. Works on the folder itself, which should be a copy.
 *
 *      rot_driver FOLDER flips COUNT SEED    bits of all closed segments and of their hints
 *      rot_driver FOLDER cut STRIDE          the last segment in use, from its end down to nothing
 *
 * What is demanded of each: nothing is read that was not written there; of what can't be read any
 * more, the scan says that something is damaged where it was (or, of a cut, that the file is too
 * short); and no record whose bytes changed decodes. Prints the counts; the status is 0 only if all
 * of it held. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "storage/log_hint.h"
#include "storage/log_scan.h"
#include "storage/posix_disk.h"

#define SEGMENTS_MAX 4096u
#define HINT_FLIP_ONE_IN 8u

/* A record as it was before anything was done to the file. */
struct original {
    uint64_t offset;
    uint64_t size;
    uint64_t hash;
    bool seen; /* in the present scan */
};

struct place {
    uint64_t offset;
    uint64_t bytes;
};

/* A segment, and what is known of it undamaged. */
struct subject {
    struct disk *disk;
    struct disk_file *file;
    char name[LOG_NAME_BYTES];
    struct log_header header;
    uint64_t durable; /* what its hint vouches for; 0: it has none */
    uint8_t *image;
    uint64_t bytes;
    struct original *originals;
    size_t original_count;
    struct place *places; /* damaged, in the present scan */
    size_t place_count;
    bool learning; /* the scan that fills the originals */
    uint64_t served;
};

struct tally {
    uint64_t tried;
    uint64_t detected;
    uint64_t missed;
    uint64_t served;
};

static void *need(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "rot_driver: out of memory\n");
        exit(2);
    }
    return memory;
}

static void need_done(int code, const char *what)
{
    if (code != 0) {
        fprintf(stderr, "rot_driver: %s: code %d, %s\n", what, code, posix_disk_explain());
        exit(2);
    }
}

static uint64_t record_hash(const struct log_record *record)
{
    uint64_t hash = hash_xxh3(record->key);
    hash = hash_mix(hash ^ hash_xxh3(record->value));
    hash = hash_mix(hash ^ record->sequence);
    hash = hash_mix(hash ^ record->position);
    hash = hash_mix(hash ^ record->partition);
    return hash_mix(hash ^ ((uint64_t)record->tag << 48 | (uint64_t)record->kind << 40 |
                            (uint64_t)record->flags << 32 | record->value_raw));
}

static struct original *original_find(struct subject *subject, uint64_t offset)
{
    size_t low = 0;
    size_t high = subject->original_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (subject->originals[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < subject->original_count && subject->originals[low].offset == offset;
    return found ? &subject->originals[low] : NULL;
}

static int on_record(void *self, uint64_t offset, size_t size, const struct log_record *record)
{
    struct subject *subject = self;
    if (subject->learning) {
        size_t count = subject->original_count + 1;
        subject->originals = need(realloc(subject->originals, count * sizeof(struct original)));
        subject->originals[subject->original_count++] =
            (struct original){.offset = offset, .size = size, .hash = record_hash(record)};
        return 0;
    }
    struct original *original = original_find(subject, offset);
    if (original == NULL || original->size != size || original->hash != record_hash(record)) {
        subject->served++;
        fprintf(stderr, "%s: a record at %llu that was never written\n", subject->name,
                (unsigned long long)offset);
        return 0;
    }
    original->seen = true;
    return 0;
}

static void on_damage(void *self, uint64_t offset, uint64_t bytes)
{
    struct subject *subject = self;
    size_t count = subject->place_count + 1;
    subject->places = need(realloc(subject->places, count * sizeof(struct place)));
    subject->places[subject->place_count++] = (struct place){offset, bytes};
}

static int subject_scan(struct subject *subject, uint64_t durable, struct log_scan_result *result)
{
    struct log_header header;
    subject->place_count = 0;
    for (size_t i = 0; i < subject->original_count; i++) {
        subject->originals[i].seen = false;
    }
    int code = log_scan_header(subject->disk, subject->file, &header);
    if (code != 0) {
        return code;
    }
    struct log_scan_events events = {subject, on_record, on_damage};
    code = log_scan(subject->disk, subject->file, &header, durable, &events, result);
    need_done(code, "the scan");
    return 0;
}

/* Opens it, and learns what is in it; false: there is nothing in it to damage. */
static bool subject_open(struct subject *subject, struct disk *disk, const char *name)
{
    *subject = (struct subject){.disk = disk, .learning = true};
    memcpy(subject->name, name, strlen(name) + 1);
    need_done(disk->ops->open(disk, name, DISK_OPEN_WRITE, &subject->file), name);
    need_done(disk->ops->size(subject->file, &subject->bytes), name);
    subject->image = need(malloc(subject->bytes + 1));
    size_t got;
    need_done(disk->ops->read(subject->file, 0, subject->image, subject->bytes, &got), name);
    need_done(log_scan_header(disk, subject->file, &subject->header), name);
    struct log_hint *hint;
    if (log_hint_open(disk, &subject->header.origin, &hint) == 0) {
        subject->durable = log_hint_summary(hint)->end;
        log_hint_free(hint);
    }
    struct log_scan_result result;
    need_done(subject_scan(subject, subject->durable, &result), name);
    if (result.damaged > 0) {
        fprintf(stderr, "rot_driver: %s is damaged before anything was done to it\n", name);
        exit(2);
    }
    subject->learning = false;
    return subject->original_count > 0;
}

static void subject_close(struct subject *subject)
{
    subject->disk->ops->close(subject->file);
    free(subject->image);
    free(subject->originals);
    free(subject->places);
}

/* Is every record that was not told in a place that was reported? */
static bool missing_is_reported(const struct subject *subject)
{
    for (size_t i = 0; i < subject->original_count; i++) {
        const struct original *original = &subject->originals[i];
        bool reported = original->seen;
        for (size_t k = 0; k < subject->place_count && !reported; k++) {
            const struct place *place = &subject->places[k];
            reported = place->offset < original->offset + original->size &&
                       original->offset < place->offset + place->bytes;
        }
        if (!reported) {
            return false;
        }
    }
    return true;
}

/* Does the record that holds the byte still decode, as an engine would that reads it? */
static bool changed_record_decodes(struct subject *subject, uint64_t at)
{
    for (size_t i = 0; i < subject->original_count; i++) {
        const struct original *original = &subject->originals[i];
        if (at < original->offset || at >= original->offset + original->size) {
            continue;
        }
        struct log_record record;
        size_t size;
        struct bytes bytes = bytes_make(subject->image + original->offset, original->size);
        return log_record_decode(&subject->header.origin, original->offset, bytes, &record,
                                 &size) == 0;
    }
    return false;
}

static bool scan_detects(struct subject *subject, uint64_t durable)
{
    struct log_scan_result result;
    return subject_scan(subject, durable, &result) != 0 ||
           (result.damaged > 0 && missing_is_reported(subject));
}

/* With its hint, which vouches for all of it, and as if that were gone. */
static void segment_flip(struct subject *subject, struct random *random, struct tally *tally)
{
    uint64_t at = random_below(random, subject->bytes);
    uint8_t bit = (uint8_t)(1u << random_below(random, 8));
    struct bytes byte = bytes_make(subject->image + at, 1);
    subject->image[at] ^= bit;
    need_done(subject->disk->ops->write(subject->file, at, byte), "writing a flip");
    subject->served = 0;
    bool detected = scan_detects(subject, subject->durable) && scan_detects(subject, 0);
    tally->tried++;
    tally->detected += detected;
    tally->served += subject->served > 0 || changed_record_decodes(subject, at);
    if (!detected) {
        tally->missed++;
        fprintf(stderr, "%s: bit %u at %llu is not noticed\n", subject->name, bit,
                (unsigned long long)at);
    }
    subject->image[at] ^= bit;
    need_done(subject->disk->ops->write(subject->file, at, byte), "taking back a flip");
}

/* Of a hint any flip has to be refused: then it is made again from the segment. */
static void hint_flip(struct subject *subject, struct random *random, struct tally *tally)
{
    struct disk *disk = subject->disk;
    char name[LOG_NAME_BYTES];
    struct disk_file *file;
    uint64_t bytes;
    uint8_t value;
    size_t got;
    log_hint_name(subject->header.origin.number, name);
    need_done(disk->ops->open(disk, name, DISK_OPEN_WRITE, &file), name);
    need_done(disk->ops->size(file, &bytes), name);
    uint64_t at = random_below(random, bytes);
    need_done(disk->ops->read(file, at, &value, 1, &got), name);
    uint8_t bit = (uint8_t)(1u << random_below(random, 8));
    value ^= bit;
    need_done(disk->ops->write(file, at, bytes_make(&value, 1)), name);
    struct log_hint *hint;
    int code = log_hint_open(disk, &subject->header.origin, &hint);
    if (code == 0) {
        code = log_hint_check(hint);
        log_hint_free(hint);
    }
    tally->tried++;
    if (code != 0) {
        tally->detected++;
    } else {
        tally->missed++;
        fprintf(stderr, "%s: bit %u at %llu is not noticed\n", name, bit, (unsigned long long)at);
    }
    value ^= bit;
    need_done(disk->ops->write(file, at, bytes_make(&value, 1)), name);
    disk->ops->close(file);
}

struct names {
    char names[SEGMENTS_MAX][LOG_NAME_BYTES];
    size_t count;
};

static void on_file(void *self, const char *name, uint64_t bytes)
{
    (void)bytes;
    struct names *names = self;
    uint64_t number;
    if (log_name_read(name, ".seg", &number) && names->count < SEGMENTS_MAX) {
        memcpy(names->names[names->count++], name, strlen(name) + 1);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void tally_print(const char *what, const struct tally *tally)
{
    printf("%llu %s: %llu detected, %llu missed, %llu served\n", (unsigned long long)tally->tried,
           what, (unsigned long long)tally->detected, (unsigned long long)tally->missed,
           (unsigned long long)tally->served);
}

static bool tally_good(const struct tally *tally)
{
    return tally->tried > 0 && tally->missed == 0 && tally->served == 0;
}

static bool flips(struct disk *disk, const struct names *names, uint64_t count, uint64_t seed)
{
    struct random random;
    random_init(&random, seed);
    struct subject *subjects = need(calloc(names->count + 1, sizeof(*subjects)));
    size_t subject_count = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < names->count; i++) {
        struct subject *subject = &subjects[subject_count];
        if (subject_open(subject, disk, names->names[i]) && subject->durable > 0) {
            bytes += subject->bytes;
            subject_count++;
        } else {
            subject_close(subject);
        }
    }
    struct tally segments = {0};
    struct tally hints = {0};
    for (uint64_t i = 0; i < count && subject_count > 0; i++) {
        uint64_t at = random_below(&random, bytes);
        size_t chosen = 0;
        while (at >= subjects[chosen].bytes) {
            at -= subjects[chosen++].bytes;
        }
        segment_flip(&subjects[chosen], &random, &segments);
        if (i % HINT_FLIP_ONE_IN == 0) {
            hint_flip(&subjects[chosen], &random, &hints);
        }
    }
    printf("%zu closed segments of %llu bytes\n", subject_count, (unsigned long long)bytes);
    for (size_t i = 0; i < subject_count; i++) {
        subject_close(&subjects[i]);
    }
    free(subjects);
    tally_print("flips in segments", &segments);
    tally_print("flips in hints", &hints);
    return tally_good(&segments) && tally_good(&hints);
}

/* Something is missing only if the scan says so. */
static void cut_check(struct subject *subject, uint64_t length, struct tally *tally)
{
    struct log_scan_result result;
    subject->served = 0;
    bool refused = subject_scan(subject, 0, &result) != 0;
    bool whole = true;
    for (size_t i = 0; i < subject->original_count; i++) {
        whole = whole && subject->originals[i].seen;
    }
    bool told = refused || result.shortened || result.damaged > 0;
    tally->tried++;
    tally->served += subject->served;
    if (told) {
        tally->detected++;
    } else if (!whole) {
        tally->missed++;
        fprintf(stderr, "%s cut to %llu: records are missing, and nothing is said\n", subject->name,
                (unsigned long long)length);
    }
}

static bool cut(struct disk *disk, const struct names *names, uint64_t stride)
{
    struct subject subject;
    struct tally tally = {0};
    size_t last_used = names->count;
    while (last_used > 0 && !subject_open(&subject, disk, names->names[last_used - 1])) {
        subject_close(&subject);
        last_used--;
    }
    if (last_used == 0) {
        fprintf(stderr, "rot_driver: nothing is in the segments\n");
        exit(2);
    }
    const struct original *last = &subject.originals[subject.original_count - 1];
    uint64_t used = last->offset + last->size;
    for (uint64_t length = subject.bytes; length > 0;) {
        /* Where only zeros go, not every length is worth a look. */
        uint64_t step = length > used + LOG_BATCH_BYTES ? 4096 : stride;
        length = length > step ? length - step : 0;
        need_done(disk->ops->truncate(subject.file, length), "cutting");
        cut_check(&subject, length, &tally);
    }
    printf("%zu records in %llu bytes of %s\n", subject.original_count, (unsigned long long)used,
           subject.name);
    subject_close(&subject);
    tally_print("cuts", &tally);
    return tally_good(&tally);
}

static int usage(void)
{
    fprintf(stderr, "usage: rot_driver FOLDER flips COUNT SEED | rot_driver FOLDER cut STRIDE\n");
    return 2;
}

int main(int argc, char **argv)
{
    bool flipping = argc == 5 && strcmp(argv[2], "flips") == 0;
    bool cutting = argc == 4 && strcmp(argv[2], "cut") == 0;
    uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if ((!flipping && !cutting) || number == 0) {
        return usage();
    }
    struct disk *disk;
    static struct names names;
    need_done(posix_disk_open(argv[1], &disk), argv[1]);
    need_done(disk->ops->list(disk, on_file, &names), argv[1]);
    if (names.count == 0) {
        fprintf(stderr, "rot_driver: %s holds no segments\n", argv[1]);
        return 2;
    }
    qsort(names.names, names.count, LOG_NAME_BYTES, compare_names);
    bool good = flipping ? flips(disk, &names, number, strtoull(argv[4], NULL, 10))
                         : cut(disk, &names, number);
    posix_disk_close(disk);
    return good ? 0 : 1;
}
