/* Bytes at the HTTP port, as its sessions take them apart: heads, bodies of known length, chunks.
 * However they are cut into pieces the same requests and the same refusal come out, and whatever
 * comes out lies within what was received. */
#include <stdio.h>

#include "api/http/chunks.h"
#include "base/assert.h"
#include "base/hash.h"
#include "fuzz.h"
#include "shoal/error.h"

#define REQUESTS_MAX 64u
#define BODY_BYTES_MAX 65536u

static const struct http_head_bounds bounds = {.bytes = 2048};

struct taken {
    uint32_t method;
    uint32_t version;
    uint32_t fields;
    uint64_t path;
    uint64_t body;
    size_t end; /* where the next one begins */
};

/* What came out of one reading of the whole. */
struct reading {
    uint32_t status; /* of the refusal that ended it; 0: more could follow */
    uint32_t count;
    struct taken requests[REQUESTS_MAX];
};

/* The bytes, of which more and more are there. */
struct feed {
    struct bytes input;
    size_t have, step; /* step 0: all at once */
    size_t at;
};

static bool more(struct feed *feed)
{
    if (feed->have == feed->input.len) {
        return false;
    }
    feed->have =
        feed->input.len - feed->have <= feed->step ? feed->input.len : feed->have + feed->step;
    return true;
}

static struct bytes rest_of(const struct feed *feed)
{
    return bytes_make(feed->input.data + feed->at, feed->have - feed->at);
}

static void check_within(struct bytes part, struct bytes whole)
{
    uint32_t sum = 0;
    ASSERT(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
    for (size_t i = 0; i < part.len; i++) {
        sum += part.data[i]; /* it can be read */
    }
    ASSERT(part.len > 0 || sum == 0);
}

static void check_head(const struct http_head *head, struct bytes bytes)
{
    ASSERT(head->version == 10 || head->version == 11);
    ASSERT(head->field_count <= HTTP_FIELDS_MAX);
    ASSERT(head->path.len > 0);
    ASSERT(head->path.data[0] == '/' || head->method == 0 ||
           bytes_equal(head->path, bytes_from_string("*")));
    for (uint32_t i = 0; i < head->field_count; i++) {
        check_within(head->fields[i].name, bytes);
        check_within(head->fields[i].value, bytes);
        ASSERT(http_is_token(head->fields[i].name));
    }
    ASSERT(head->body == HTTP_BODY_NONE || head->body_bytes > 0 || head->body == HTTP_BODY_CHUNKED);
}

/* False: the reading ends here. */
static bool take_head(struct feed *feed, struct http_head *head, struct http_field *fields,
                      struct reading *out)
{
    struct http_head_progress progress = {0};
    struct http_problem problem;
    size_t head_bytes = 0;
    int code;
    while ((code = http_head_scan(&progress, rest_of(feed), &bounds, &head_bytes, &problem)) == 0) {
        if (!more(feed)) {
            return false;
        }
    }
    if (code == 1) {
        struct bytes bytes = bytes_make(feed->input.data + feed->at, head_bytes);
        ASSERT(head_bytes <= bounds.bytes && head_bytes <= rest_of(feed).len);
        code = http_head_read(bytes, fields, head, &problem);
        if (code == 0) {
            check_head(head, bytes);
            feed->at += head_bytes;
            return true;
        }
    }
    ASSERT(code == SHOAL_EPROTO && problem.status >= 400 && problem.text != NULL);
    out->status = problem.status;
    return false;
}

static bool take_length(struct feed *feed, uint64_t length, uint64_t *hash)
{
    if (length > BODY_BYTES_MAX) {
        return false;
    }
    while (rest_of(feed).len < length) {
        if (!more(feed)) {
            return false;
        }
    }
    *hash = hash_xxh3(bytes_make(feed->input.data + feed->at, (size_t)length));
    feed->at += (size_t)length;
    return true;
}

static bool take_chunks(struct feed *feed, uint64_t *hash, struct reading *out)
{
    struct http_chunks chunks = {0};
    struct buffer body;
    bool done = false;
    buffer_init(&body, 0);
    for (;;) {
        struct http_problem problem;
        struct bytes data;
        size_t taken;
        int code = http_chunks_next(&chunks, rest_of(feed), &taken, &data, &problem);
        if (code < 0) {
            ASSERT(code == SHOAL_EPROTO && problem.status >= 400);
            out->status = problem.status;
            break;
        }
        ASSERT(taken <= rest_of(feed).len);
        if (code == HTTP_CHUNKS_DATA) {
            check_within(data, rest_of(feed));
            ASSERT(buffer_append_bytes(&body, data) == 0);
        }
        feed->at += taken;
        if (code == HTTP_CHUNKS_DONE) {
            *hash = hash_xxh3(buffer_bytes(&body));
            done = true;
            break;
        }
        if (feed->at == feed->have && !more(feed)) {
            break;
        }
    }
    buffer_deinit(&body);
    return done;
}

static void read_all(struct bytes input, size_t step, struct reading *out)
{
    struct http_field fields[HTTP_FIELDS_MAX];
    struct feed feed = {.input = input, .have = step == 0 ? input.len : 0, .step = step};
    *out = (struct reading){0};
    while (out->count < REQUESTS_MAX) {
        struct http_head head;
        struct taken taken = {0};
        if (!take_head(&feed, &head, fields, out)) {
            return;
        }
        taken.method = head.method;
        taken.version = head.version;
        taken.fields = head.field_count;
        taken.path = hash_xxh3(head.path);
        if (head.body == HTTP_BODY_LENGTH && !take_length(&feed, head.body_bytes, &taken.body)) {
            return;
        }
        if (head.body == HTTP_BODY_CHUNKED && !take_chunks(&feed, &taken.body, out)) {
            return;
        }
        taken.end = feed.at;
        out->requests[out->count++] = taken;
    }
}

static void compare(const struct reading *a, const struct reading *b)
{
    ASSERT(a->status == b->status && a->count == b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct taken *left = &a->requests[i];
        const struct taken *right = &b->requests[i];
        ASSERT(left->method == right->method && left->version == right->version);
        ASSERT(left->fields == right->fields && left->path == right->path);
        ASSERT(left->body == right->body && left->end == right->end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_make(data, size);
    struct reading whole;
    read_all(input, 0, &whole);
    for (size_t step = 1; step <= 64 && size <= 8192; step *= 4) {
        struct reading cut;
        read_all(input, step, &cut);
        compare(&whole, &cut);
    }
    return 0;
}

/* ---- samples --------------------------------------------------------------------------------- */

static void append(struct buffer *out, const char *text)
{
    ASSERT(buffer_append(out, text, strlen(text)) == 0);
}

static const char *pick(struct random *random, const char *const *texts, size_t count)
{
    return texts[random_below(random, count)];
}

#define PICK(random, texts) pick((random), (texts), sizeof(texts) / sizeof((texts)[0]))

static void append_body(struct random *random, struct buffer *out, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++) {
        ASSERT(buffer_append_u8(out, (uint8_t)random_u64(random)) == 0);
    }
}

static void append_chunks(struct random *random, struct buffer *out)
{
    static const char *const extensions[] = {"", "", "", ";x", " ; name=\"value\"", ";\t"};
    static const char *const trailers[] = {"", "", "X: y\r\n", "A:\r\nB: \xff\r\n"};
    uint64_t count = random_below(random, 4);
    append(out, "Transfer-Encoding: chunked\r\n\r\n");
    for (uint64_t i = 0; i < count; i++) {
        char text[32];
        uint64_t len = 1 + random_below(random, 20);
        snprintf(text, sizeof(text), random_below(random, 2) == 0 ? "%x" : "%04X", (unsigned)len);
        append(out, text);
        append(out, PICK(random, extensions));
        append(out, "\r\n");
        append_body(random, out, len);
        append(out, "\r\n");
    }
    append(out, "0\r\n");
    append(out, PICK(random, trailers));
    append(out, "\r\n");
}

static void append_request(struct random *random, struct buffer *out)
{
    static const char *const lines[] = {
        "GET /kv/a HTTP/1.1\r\n",   "PUT /kv/%00%ff?r=1 HTTP/1.1\r\n", "POST /data HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",   "GET http://a:1/ HTTP/1.1\r\n",    "BREW / HTTP/1.2\r\n",
        "CONNECT a:1 HTTP/1.1\r\n", "HEAD /?a=b&c HTTP/1.0\r\n",
    };
    static const char *const fields[] = {
        "Accept: */*\r\n",
        "X:\r\n",
        "Connection: keep-alive, close\r\n",
        "Expect: 100-continue\r\n",
        "If-Match: \"a\"\r\n",
        "Cookie: \xe4=\t ; b\r\n",
    };
    append(out, PICK(random, lines));
    append(out, "Host: [::1]:80\r\n");
    for (uint64_t i = random_below(random, 4); i > 0; i--) {
        append(out, PICK(random, fields));
    }
    uint64_t kind = random_below(random, 3);
    if (kind == 0) {
        append(out, "\r\n");
    } else if (kind == 1) {
        char text[48];
        uint64_t len = random_below(random, 30);
        snprintf(text, sizeof(text), "Content-Length: %u\r\n\r\n", (unsigned)len);
        append(out, text);
        append_body(random, out, len);
    } else {
        append_chunks(random, out);
    }
}

/* A few requests of all kinds behind each other. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    (void)arena;
    uint64_t count = 1 + random_below(random, 4);
    for (uint64_t i = 0; i < count; i++) {
        append_request(random, out);
    }
}
