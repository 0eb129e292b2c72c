/* See faulty_switches.h. A slow disk has one queue for reads and one for writes, and each is a
 * moment: when what has been asked for so far will be done. A sync of much takes its turns by
 * chunks, so that several share the disk. */
#include "faulty_switches.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SUFFIX_BYTES 32u
#define WORDS_MAX 4u
#define CHUNK_BYTES (UINT64_C(128) << 10)
#define WAITING_BYTES_MAX (UINT64_C(8) << 20) /* written and neither synced nor paid for */
#define SECOND_NS UINT64_C(1000000000)
#define MILLISECOND_NS UINT64_C(1000000)

enum sync_switch { SYNC_OK, SYNC_FAIL, SYNC_ONCE };

static struct {
    pthread_mutex_t lock;
    uint64_t random;
    bool full;
    uint64_t bytes_left;
    double eio_reads;
    double eio_writes;
    char eio_suffix[SUFFIX_BYTES];
    enum sync_switch sync;
    uint64_t bytes_a_second; /* 0: not slow */
    uint64_t latency_ns;
    uint64_t reads_done_ns;
    uint64_t writes_done_ns;
    uint64_t waiting_bytes;
    uint64_t counts[FAULTY_COUNTS];
} now = {.lock = PTHREAD_MUTEX_INITIALIZER, .random = 1};

static void lock(void)
{
    if (pthread_mutex_lock(&now.lock) != 0) {
        abort();
    }
}

static void unlock(void)
{
    if (pthread_mutex_unlock(&now.lock) != 0) {
        abort();
    }
}

void switches_seed(uint64_t seed)
{
    now.random = seed * 2 + 1;
}

/* xorshift64*; of the result the upper bits are good. */
static uint64_t next_random(void)
{
    now.random ^= now.random >> 12;
    now.random ^= now.random << 25;
    now.random ^= now.random >> 27;
    return now.random * UINT64_C(0x2545F4914F6CDD1D);
}

unsigned switches_number(void)
{
    lock();
    unsigned number = (unsigned)(next_random() >> 32);
    unlock();
    return number;
}

static bool chance(double share)
{
    return (double)(next_random() >> 11) / 0x1p53 < share;
}

/* ---- lines ---- */

static bool number_of(const char *word, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(word, &end, 10);
    if (errno != 0 || end == word || *end != '\0' || word[0] == '-') {
        return false;
    }
    *out = value;
    return true;
}

static bool share_of(const char *word, double *out)
{
    char *end;
    double value = strtod(word, &end);
    if (end == word || *end != '\0' || !(value >= 0 && value <= 1)) {
        return false;
    }
    *out = value;
    return true;
}

static bool line_full(char *const *words, unsigned count)
{
    uint64_t left = 0;
    bool on = count >= 2 && strcmp(words[1], "on") == 0;
    bool off = count == 2 && strcmp(words[1], "off") == 0;
    if (!(on && count <= 3) && !off) {
        return false;
    }
    if (count == 3 && !number_of(words[2], &left)) {
        return false;
    }
    now.full = on;
    now.bytes_left = left;
    return true;
}

static bool line_eio(char *const *words, unsigned count)
{
    double reads;
    double writes;
    if (count < 3 || !share_of(words[1], &reads) || !share_of(words[2], &writes)) {
        return false;
    }
    const char *suffix = count == 4 ? words[3] : "";
    if (strlen(suffix) >= SUFFIX_BYTES) {
        return false;
    }
    now.eio_reads = reads;
    now.eio_writes = writes;
    (void)memcpy(now.eio_suffix, suffix, strlen(suffix) + 1);
    return true;
}

static bool line_sync(char *const *words, unsigned count)
{
    static const char *const names[] = {"ok", "fail", "once"};
    for (unsigned i = 0; count == 2 && i < 3; i++) {
        if (strcmp(words[1], names[i]) == 0) {
            now.sync = (enum sync_switch)i;
            return true;
        }
    }
    return false;
}

static bool line_slow(char *const *words, unsigned count)
{
    uint64_t bytes;
    uint64_t latency_ms;
    if (count != 3 || !number_of(words[1], &bytes) || !number_of(words[2], &latency_ms) ||
        latency_ms > 60000) {
        return false;
    }
    now.bytes_a_second = bytes;
    now.latency_ns = latency_ms * MILLISECOND_NS;
    now.reads_done_ns = 0;
    now.writes_done_ns = 0;
    return true;
}

bool switches_line(char *line, const char **why)
{
    static const struct {
        const char *word;
        bool (*take)(char *const *words, unsigned count);
    } kinds[] = {{"full", line_full}, {"eio", line_eio}, {"sync", line_sync}, {"slow", line_slow}};
    char *words[WORDS_MAX];
    unsigned count = 0;
    char *rest = NULL;
    *why = "this says nothing to me";
    for (char *word = strtok_r(line, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        if (count == WORDS_MAX) {
            return false;
        }
        words[count++] = word;
    }
    for (unsigned i = 0; count > 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(words[0], kinds[i].word) == 0) {
            lock();
            bool taken = kinds[i].take(words, count);
            unlock();
            return taken;
        }
    }
    return false;
}

void switches_print(FILE *out)
{
    static const char *const names[] = {"reads", "writes", "syncs", "failed", "refused"};
    lock();
    for (unsigned i = 0; i < FAULTY_COUNTS; i++) {
        (void)fprintf(out, " %s %llu", names[i], (unsigned long long)now.counts[i]);
    }
    unlock();
}

/* ---- errors ---- */

void switches_counted(enum faulty_count what)
{
    lock();
    now.counts[what]++;
    unlock();
}

static bool suits(const char *name)
{
    size_t length = strlen(name);
    size_t suffix = strlen(now.eio_suffix);
    return length >= suffix && strcmp(name + length - suffix, now.eio_suffix) == 0;
}

static int error_by(const char *name, double share)
{
    int error = share > 0 && suits(name) && chance(share) ? EIO : 0;
    now.counts[FAULTY_FAILED] += error != 0;
    return error;
}

int switches_read_error(const char *name)
{
    lock();
    int error = error_by(name, now.eio_reads);
    unlock();
    return error;
}

int switches_write_error(const char *name)
{
    lock();
    int error = error_by(name, now.eio_writes);
    unlock();
    return error;
}

int switches_sync_error(void)
{
    lock();
    int error = now.sync == SYNC_OK ? 0 : EIO;
    if (now.sync == SYNC_ONCE) {
        now.sync = SYNC_OK;
    }
    now.counts[FAULTY_FAILED] += error != 0;
    unlock();
    return error;
}

/* ---- space ---- */

int switches_take(uint64_t bytes)
{
    int error = 0;
    lock();
    if (now.full && bytes > 0) {
        error = bytes > now.bytes_left ? ENOSPC : 0;
        now.bytes_left -= error == 0 ? bytes : 0;
        now.counts[FAULTY_REFUSED] += error != 0;
    }
    unlock();
    return error;
}

void switches_give_back(uint64_t bytes)
{
    lock();
    now.bytes_left += now.full ? bytes : 0;
    unlock();
}

bool switches_full(uint64_t *bytes_left)
{
    lock();
    bool full = now.full;
    *bytes_left = now.bytes_left;
    unlock();
    return full;
}

/* ---- time ---- */

static uint64_t clock_ns(void)
{
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) != 0) {
        abort();
    }
    return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

static void sleep_until(uint64_t moment_ns)
{
    struct timespec until = {.tv_sec = (time_t)(moment_ns / SECOND_NS),
                             .tv_nsec = (long)(moment_ns % SECOND_NS)};
    int error;
    do {
        error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    } while (error == EINTR);
    if (error != 0) {
        abort();
    }
}

/* Puts so much behind what the queue has, and waits for it. */
static void pay(uint64_t *done_ns, uint64_t bytes)
{
    uint64_t moment_ns = 0;
    lock();
    if (now.bytes_a_second > 0) {
        uint64_t time_ns = clock_ns();
        *done_ns = *done_ns > time_ns ? *done_ns : time_ns;
        *done_ns += (uint64_t)((double)bytes * 1e9 / (double)now.bytes_a_second);
        moment_ns = *done_ns;
    }
    unlock();
    if (moment_ns > 0) {
        sleep_until(moment_ns);
    }
}

void switches_pay_read(uint64_t bytes)
{
    pay(&now.reads_done_ns, bytes);
}

void switches_pay_write(uint64_t *owed, uint64_t bytes)
{
    lock();
    bool waits = now.waiting_bytes + bytes <= WAITING_BYTES_MAX;
    if (waits && now.bytes_a_second > 0) {
        *owed += bytes;
        now.waiting_bytes += bytes;
    }
    unlock();
    if (!waits) {
        pay(&now.writes_done_ns, bytes);
    }
}

/* What is left of the file's account, a chunk of it taken off. */
static uint64_t take_chunk(uint64_t *owed)
{
    lock();
    uint64_t bytes = *owed < CHUNK_BYTES ? *owed : CHUNK_BYTES;
    *owed -= bytes;
    now.waiting_bytes -= bytes;
    unlock();
    return bytes;
}

void switches_pay_sync(uint64_t *owed)
{
    for (uint64_t bytes = take_chunk(owed); bytes > 0; bytes = take_chunk(owed)) {
        pay(&now.writes_done_ns, bytes);
    }
    lock();
    uint64_t latency_ns = now.latency_ns;
    unlock();
    if (latency_ns > 0) {
        sleep_until(clock_ns() + latency_ns);
    }
}

void switches_forgive(uint64_t *owed)
{
    lock();
    now.waiting_bytes -= *owed;
    *owed = 0;
    unlock();
}
