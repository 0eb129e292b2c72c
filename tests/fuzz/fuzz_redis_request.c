/* Bytes at the Redis port. However they are cut into pieces, the same requests and the same refusal
 * come out, and every argument lies within what was received. */
#include <stdio.h>

#include "api/redis/request.h"
#include "base/assert.h"
#include "fuzz.h"
#include "shoal/error.h"

#define REQUESTS_MAX 64u

static const struct redis_request_bounds bounds = {
    .bulk_bytes = 4096, .bytes = 65536, .arguments = 1024};

/* What came out of one parse of the whole. */
struct outcome {
    int code;
    uint32_t count;
    size_t lengths[REQUESTS_MAX];
    uint32_t argcs[REQUESTS_MAX];
};

static bool lies_within(struct bytes part, struct bytes whole)
{
    return part.data >= whole.data && part.data + part.len <= whole.data + whole.len;
}

static void check(const struct redis_request *request, struct bytes input)
{
    ASSERT(request->length > 0 && request->length <= input.len);
    ASSERT(request->argc <= bounds.arguments || request->copied);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < request->argc; i++) {
        struct bytes argument = request->argv[i];
        ASSERT(request->copied || lies_within(argument, input));
        for (size_t k = 0; k < argument.len; k++) {
            sum += argument.data[k]; /* it can be read */
        }
    }
    ASSERT(request->argc > 0 || sum == 0);
}

/* `step` more bytes at a time; 0: all at once. */
static void parse(struct bytes input, size_t step, struct outcome *out)
{
    struct redis_request_progress progress = {0};
    struct arena arena;
    size_t at = 0;
    size_t have = step == 0 ? input.len : step;
    *out = (struct outcome){.code = 1};
    arena_init(&arena, 0);
    while (out->count < REQUESTS_MAX) {
        struct redis_request request;
        char text[REDIS_ERROR_BYTES] = "";
        size_t need;
        have = have < input.len ? have : input.len;
        arena_reset(&arena);
        int code = redis_request_read(bytes_make(input.data + at, have - at), &bounds, &progress,
                                      &arena, &request, &need, text);
        out->code = code;
        if (code == 0) {
            check(&request, bytes_make(input.data + at, have - at));
            out->lengths[out->count] = request.length;
            out->argcs[out->count++] = request.argc;
            at += request.length;
        } else if (code == 1 && have < input.len) {
            ASSERT(need <= bounds.bytes);
            have += step;
        } else {
            ASSERT(code == 1 || (code == SHOAL_EPROTO && text[0] != 0));
            break;
        }
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_make(data, size);
    struct outcome whole;
    parse(input, 0, &whole);
    for (size_t step = 1; step <= 16 && size <= 8192; step *= 4) {
        struct outcome cut;
        parse(input, step, &cut);
        ASSERT(cut.code == whole.code && cut.count == whole.count);
        for (uint32_t i = 0; i < whole.count; i++) {
            ASSERT(cut.lengths[i] == whole.lengths[i] && cut.argcs[i] == whole.argcs[i]);
        }
    }
    return 0;
}

static void append(struct buffer *out, const char *text)
{
    ASSERT(buffer_append(out, text, strlen(text)) == 0);
}

static void append_array(struct random *random, struct buffer *out)
{
    char text[32];
    uint64_t count = random_below(random, random_below(random, 8) == 0 ? 100 : 6);
    snprintf(text, sizeof(text), "*%d\r\n", (int)count);
    append(out, text);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t len = random_below(random, 20);
        snprintf(text, sizeof(text), "$%d\r\n", (int)len);
        append(out, text);
        for (uint64_t k = 0; k < len; k++) {
            ASSERT(buffer_append_u8(out, (uint8_t)random_u64(random)) == 0);
        }
        append(out, "\r\n");
    }
}

static void append_line(struct random *random, struct buffer *out)
{
    static const char *const words[] = {
        "SET ", "key ", "\"two words\" ", "'it\\'s' ",      "\"\\x41\" ", "  ", "\"",
        "'",    "\\",   "a\"b\" ",        "\"\\n\\r\\t\" ", "\t"};
    uint64_t count = random_below(random, 6);
    for (uint64_t i = 0; i < count; i++) {
        append(out, words[random_below(random, sizeof(words) / sizeof(words[0]))]);
    }
    append(out, random_below(random, 2) == 0 ? "\r\n" : "\n");
}

/* A few requests of both kinds. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    (void)arena;
    uint64_t count = 1 + random_below(random, 4);
    for (uint64_t i = 0; i < count; i++) {
        if (random_below(random, 3) == 0) {
            append_line(random, out);
        } else {
            append_array(random, out);
        }
    }
}
