/* The base64 and UTF-8 halves of text.h. Base64 is libsodium's: it accepts exactly one text for
 * given bytes (no blanks, no stray bits at the end), so a token has one spelling. */
#include <sodium/utils.h>

#include "base/text.h"
#include "shoal/error.h"

/* Encoded by the piece, because libsodium puts a NUL behind its output, for which a buffer that is
 * exactly large enough has no room. A multiple of 3, so that only the last piece is padded. */
#define PIECE_BYTES 768u

static size_t encoded_len(size_t len, int variant)
{
    return sodium_base64_encoded_len(len, variant) - 1;
}

static int base64_encode(struct bytes in, struct buffer *out, int variant)
{
    if (in.len > SIZE_MAX / 2) {
        return SHOAL_ETOOBIG;
    }
    int error = buffer_reserve(out, encoded_len(in.len, variant));
    if (error != 0) {
        return error;
    }
    while (in.len > 0) {
        char piece[PIECE_BYTES / 3 * 4 + 1];
        size_t len = in.len < PIECE_BYTES ? in.len : PIECE_BYTES;
        sodium_bin2base64(piece, sizeof(piece), in.data, len, variant);
        memcpy(out->data + out->len, piece, encoded_len(len, variant));
        out->len += encoded_len(len, variant);
        in = bytes_make(in.data + len, in.len - len);
    }
    return 0;
}

/* libsodium 1.0.18 takes some bytes beyond ASCII for digits where char is signed. */
static bool is_ascii(struct bytes in)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < in.len; i++) {
        seen |= in.data[i];
    }
    return seen < 0x80;
}

/* `digits` is how many of in's characters carry data, the padding left off. */
static int base64_decode(struct bytes in, size_t digits, struct buffer *out, int variant)
{
    if (!is_ascii(in)) {
        return SHOAL_EINVAL;
    }
    size_t len_max = digits / 4 * 3 + digits % 4 * 3 / 4;
    int error = buffer_reserve(out, len_max);
    if (error != 0 || in.len == 0) {
        return error;
    }
    uint8_t none; /* where nothing goes when the buffer has no memory yet */
    size_t len = 0;
    if (sodium_base642bin(len_max == 0 ? &none : out->data + out->len, len_max,
                          (const char *)in.data, in.len, NULL, &len, NULL, variant) != 0) {
        return SHOAL_EINVAL;
    }
    out->len += len;
    return 0;
}

int text_base64url_encode(struct bytes in, struct buffer *out)
{
    return base64_encode(in, out, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int text_base64url_decode(struct bytes in, struct buffer *out)
{
    return base64_decode(in, in.len, out, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int text_base64_encode(struct bytes in, struct buffer *out)
{
    return base64_encode(in, out, sodium_base64_VARIANT_ORIGINAL);
}

int text_base64_decode(struct bytes in, struct buffer *out)
{
    size_t digits = in.len;
    while (digits > 0 && in.len - digits < 2 && in.data[digits - 1] == '=') {
        digits--;
    }
    return base64_decode(in, digits, out, sodium_base64_VARIANT_ORIGINAL);
}

size_t text_utf8_length(struct bytes bytes)
{
    if (bytes.len == 0) {
        return 0;
    }
    const uint8_t *at = bytes.data;
    uint8_t first = at[0];
    if (first < 0x80) {
        return 1;
    }
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first < 0xc2 || first > 0xf4 || bytes.len < len) {
        return 0; /* a continuation, an overlong form, beyond U+10FFFF, or cut short */
    }
    /* The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF. */
    uint8_t second_min = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t second_max = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < second_min || at[1] > second_max) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool text_is_utf8(struct bytes bytes)
{
    while (bytes.len > 0) {
        size_t len = text_utf8_length(bytes);
        if (len == 0) {
            return false;
        }
        bytes = bytes_make(bytes.data + len, bytes.len - len);
    }
    return true;
}
