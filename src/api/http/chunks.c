/* A machine that looks at one byte at a time, but for data.
 *
 *      SIZE -- blank --> BLANK -- ';' --> NAME -- token --> EXTENSION -- CR --> SIZE_END ...
 *        '---- CR ----------------------------------------------------------------^
 *      SIZE_END -- LF --> DATA, or for size 0 LINE
 *      DATA -- all of it --> DATA_CR --> DATA_LF --> SIZE
 *      LINE -- CR --> LAST_LF -- LF --> done
 *        '-- else --> TRAILER_NAME -- ':' --> TRAILER -- CR --> TRAILER_LF -- LF --> LINE
 */
#include "api/http/chunks.h"

#include "shoal/error.h"

enum {
    SIZE = 0,
    BLANK,
    NAME,
    EXTENSION,
    SIZE_END,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE,
    TRAILER_NAME,
    TRAILER,
    TRAILER_LF,
    LAST_LF,
    DONE,
};

#define SIZE_DIGITS_MAX 16u

static int refuse(struct http_problem *problem, uint32_t status, const char *text)
{
    *problem = (struct http_problem){.status = status, .text = text};
    return SHOAL_EPROTO;
}

static int malformed(struct http_problem *problem)
{
    return refuse(problem, 400, "the chunked body is malformed");
}

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (uint8_t)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static int take_size(struct http_chunks *chunks, uint8_t c, struct http_problem *problem)
{
    int digit = digit_of(c);
    if (digit >= 0) {
        chunks->left = chunks->left << 4 | (uint64_t)digit;
        return ++chunks->digits > SIZE_DIGITS_MAX ? malformed(problem) : 0;
    }
    if (chunks->digits == 0) {
        return malformed(problem);
    }
    if (c == '\r') {
        chunks->state = SIZE_END;
    } else if (c == ';') {
        chunks->state = NAME;
    } else if (c == ' ' || c == '\t') {
        chunks->state = BLANK;
    } else {
        return malformed(problem);
    }
    return 0;
}

static int take_extension(struct http_chunks *chunks, uint8_t c, struct http_problem *problem)
{
    if (++chunks->extension_bytes > HTTP_EXTENSION_BYTES_MAX) {
        return refuse(problem, 400, "the chunks' extensions are too long");
    }
    bool blank = c == ' ' || c == '\t';
    if (chunks->state == BLANK) {
        chunks->state = c == ';' ? NAME : BLANK;
        return c == ';' || blank ? 0 : malformed(problem);
    }
    if (chunks->state == NAME) {
        chunks->state = blank ? NAME : EXTENSION;
        return blank || http_is_token(bytes_make(&c, 1)) ? 0 : malformed(problem);
    }
    if (c == '\r') {
        chunks->state = SIZE_END;
        return 0;
    }
    return is_text(c) ? 0 : malformed(problem);
}

static void end_size(struct http_chunks *chunks)
{
    chunks->state = chunks->left == 0 ? LINE : DATA;
    chunks->digits = 0;
}

static int take_trailer(struct http_chunks *chunks, uint8_t c, struct http_problem *problem)
{
    if (++chunks->trailer_bytes > HTTP_TRAILER_BYTES_MAX) {
        return refuse(problem, 431, "the trailer fields are too long");
    }
    if (chunks->state == LINE && c == '\r') {
        chunks->state = LAST_LF;
        return 0;
    }
    if (chunks->state == TRAILER) {
        chunks->state = c == '\r' ? TRAILER_LF : TRAILER;
        return c == '\r' || is_text(c) ? 0 : malformed(problem);
    }
    if (chunks->state == TRAILER_NAME && c == ':') {
        chunks->state = TRAILER;
        return 0;
    }
    chunks->state = TRAILER_NAME;
    return http_is_token(bytes_make(&c, 1)) ? 0 : malformed(problem);
}

/* The byte must be this one. */
static int expect(struct http_chunks *chunks, uint8_t c, uint8_t wanted, uint32_t next,
                  struct http_problem *problem)
{
    chunks->state = next;
    return c == wanted ? 0 : malformed(problem);
}

static int take_byte(struct http_chunks *chunks, uint8_t c, struct http_problem *problem)
{
    switch (chunks->state) {
    case SIZE:
        return take_size(chunks, c, problem);
    case BLANK:
    case NAME:
    case EXTENSION:
        return take_extension(chunks, c, problem);
    case SIZE_END:
        end_size(chunks);
        return c == '\n' ? 0 : malformed(problem);
    case DATA_CR:
        return expect(chunks, c, '\r', DATA_LF, problem);
    case DATA_LF:
        return expect(chunks, c, '\n', SIZE, problem);
    case TRAILER_LF:
        return expect(chunks, c, '\n', LINE, problem);
    case LAST_LF:
        return expect(chunks, c, '\n', DONE, problem);
    default:
        return take_trailer(chunks, c, problem);
    }
}

static struct bytes take_data(struct http_chunks *chunks, struct bytes bytes)
{
    size_t len = bytes.len < chunks->left ? bytes.len : (size_t)chunks->left;
    chunks->left -= len;
    if (chunks->left == 0) {
        chunks->state = DATA_CR;
    }
    return bytes_make(bytes.data, len);
}

int http_chunks_next(struct http_chunks *chunks, struct bytes bytes, size_t *taken,
                     struct bytes *data, struct http_problem *problem)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (chunks->state == DATA) {
            *data = take_data(chunks, bytes_make(bytes.data + i, bytes.len - i));
            *taken = i + data->len;
            return HTTP_CHUNKS_DATA;
        }
        int code = take_byte(chunks, bytes.data[i], problem);
        if (code != 0) {
            return code;
        }
        if (chunks->state == DONE) {
            *taken = i + 1;
            return HTTP_CHUNKS_DONE;
        }
    }
    *taken = bytes.len;
    return HTTP_CHUNKS_MORE;
}
