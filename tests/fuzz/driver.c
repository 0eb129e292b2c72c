/* Runs a fuzz target without libFuzzer: over seeded inputs (random bytes, valid samples, and mostly
 * damaged samples), or over the files named on the command line, to replay a finding.
 *
 *      fuzz-object [--seed N] [--count N]
 *      fuzz-object FILE...
 *
 * When an input breaks the target, the seed printed last and --count 1 run that input again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "fuzz.h"
#include "support/mutate.h"

#define COUNT_DEFAULT 100000u
#define RANDOM_BYTES_MAX 64u
#define MUTATIONS_MAX 8u

struct driver {
    struct arena arena;
    struct buffer input;
};

/* Its own memory for each input, so that a read beyond the end is seen by the sanitizer. */
static void run_input(struct bytes input)
{
    uint8_t *copy = malloc(input.len > 0 ? input.len : 1);
    ASSERT(copy != NULL);
    if (input.len > 0) {
        memcpy(copy, input.data, input.len);
    }
    LLVMFuzzerTestOneInput(copy, input.len);
    free(copy);
}

static void append_random(struct random *random, struct buffer *out)
{
    for (uint64_t left = random_below(random, RANDOM_BYTES_MAX); left > 0; left--) {
        ASSERT(buffer_append_u8(out, (uint8_t)random_u64(random)) == 0);
    }
}

static void run_seed(struct driver *driver, uint64_t seed)
{
    struct random random;
    random_init(&random, seed);
    arena_reset(&driver->arena);
    buffer_clear(&driver->input);
    if (random_chance(&random, 0.1)) {
        append_random(&random, &driver->input);
    } else {
        fuzz_sample(&random, &driver->arena, &driver->input);
        for (uint64_t left = random_below(&random, MUTATIONS_MAX); left > 0; left--) {
            mutate(&random, &driver->input);
        }
    }
    run_input(buffer_bytes(&driver->input));
}

static int run_file(struct driver *driver, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    buffer_clear(&driver->input);
    uint8_t chunk[4096];
    size_t len;
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        ASSERT(buffer_append(&driver->input, chunk, len) == 0);
    }
    (void)fclose(file);
    run_input(buffer_bytes(&driver->input));
    return 0;
}

static void run_seeds(struct driver *driver, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (i % 1000 == 0) {
            (void)printf("from seed %" PRIu64 "\n", first + i);
            (void)fflush(stdout);
        }
        run_seed(driver, first + i);
    }
    (void)printf("%" PRIu64 " inputs done\n", count);
}

int main(int argc, char **argv)
{
    struct driver driver;
    arena_init(&driver.arena, LIMIT_ARENA_KEEP_BYTES);
    buffer_init(&driver.input, 0);
    uint64_t seed = 1;
    uint64_t count = COUNT_DEFAULT;
    int files = 0;
    int status = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
            count = strtoull(argv[++i], NULL, 10);
        } else {
            status |= run_file(&driver, argv[i]);
            files++;
        }
    }
    if (files == 0) {
        run_seeds(&driver, seed, count);
    }
    buffer_deinit(&driver.input);
    arena_deinit(&driver.arena);
    return status;
}
