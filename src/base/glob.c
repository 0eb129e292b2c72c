/* Matching globs. A pattern is a row of pieces with stars between them. The first piece stands at
 * the text's beginning, the last at its end, and those between are looked for one after another,
 * each taken where it is met first: what a later place could still match, the first one can too.
 *
 *      pre*mid?dle*[xyz]fix        "pre" at the beginning, "mid?dle" anywhere behind it, then the
 *                                  last four bytes
 *
 * Pieces of plain bytes are looked for by memmem, which is linear; the others by one bit a place
 * (Shift-And: Baeza-Yates and Gonnet, 1992), all places of a piece advancing with each byte. */
#include "base/glob.h"

#include <ctype.h>

#include "base/assert.h"
#include "shoal/error.h"

#define WORD_BITS 64u
#define WORDS_MAX (GLOB_SEARCHED_MAX / WORD_BITS)
#define TRIED_MAX 16u /* pieces up to this are simply tried at every place */

/* Which bytes fit one place. */
struct place {
    uint64_t fits[4];
};

struct piece {
    uint32_t len;
    bool plain;
    const uint8_t *bytes; /* plain */
    const struct place *places;
    const uint64_t *rows; /* longer than TRIED_MAX, and looked for: for each byte the places
                             it fits, piece_words(len) words */
};

struct glob {
    const struct piece *pieces; /* at least one; the first and the last may be empty */
    uint32_t count;             /* stars and one */
    size_t len;                 /* of all pieces */
};

static bool place_fits(const struct place *place, uint8_t byte)
{
    return (place->fits[byte / WORD_BITS] >> (byte % WORD_BITS) & 1) != 0;
}

static void place_add(struct place *place, uint8_t byte)
{
    place->fits[byte / WORD_BITS] |= UINT64_C(1) << (byte % WORD_BITS);
}

static void place_add_any_case(struct place *place, uint8_t byte)
{
    place_add(place, (uint8_t)tolower(byte));
    place_add(place, (uint8_t)toupper(byte));
}

/* How many bytes fit, up to two; and one of them. */
static uint32_t place_count(const struct place *place, uint8_t *one)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < 4; i++) {
        if (place->fits[i] != 0) {
            *one = (uint8_t)(i * WORD_BITS + (uint32_t)__builtin_ctzll(place->fits[i]));
            count += (uint32_t)__builtin_popcountll(place->fits[i]);
        }
    }
    return count;
}

/* ---- reading a pattern ---- */

struct reader {
    struct bytes rest;
    bool any_case;
};

static uint8_t take(struct reader *reader)
{
    uint8_t byte = reader->rest.data[0];
    reader->rest = bytes_make(reader->rest.data + 1, reader->rest.len - 1);
    return byte;
}

static void add_byte(const struct reader *reader, struct place *place, uint8_t byte)
{
    if (reader->any_case) {
        place_add_any_case(place, byte);
    } else {
        place_add(place, byte);
    }
}

/* Signed bytes, and case folded after the bounds were put in order: as Redis compares them. */
static void add_range(const struct reader *reader, struct place *place, uint8_t from, uint8_t to)
{
    int first = (int8_t)from < (int8_t)to ? (int8_t)from : (int8_t)to;
    int last = (int8_t)from < (int8_t)to ? (int8_t)to : (int8_t)from;
    if (reader->any_case) {
        first = first < 0 ? first : tolower(first);
        last = last < 0 ? last : tolower(last);
    }
    for (int byte = INT8_MIN; byte <= INT8_MAX; byte++) {
        int compared = reader->any_case && byte >= 0 ? tolower(byte) : byte;
        if (compared >= first && compared <= last) {
            place_add(place, (uint8_t)byte);
        }
    }
}

/* Behind the opening bracket. */
static void read_brackets(struct reader *reader, struct place *place)
{
    bool none_of = reader->rest.len > 0 && reader->rest.data[0] == '^';
    if (none_of) {
        (void)take(reader);
    }
    while (reader->rest.len > 0) {
        uint8_t byte = take(reader);
        if (byte == '\\' && reader->rest.len > 0) {
            place_add(place, take(reader));
        } else if (byte == ']') {
            break;
        } else if (reader->rest.len >= 2 && reader->rest.data[0] == '-') {
            (void)take(reader);
            add_range(reader, place, byte, take(reader));
        } else {
            add_byte(reader, place, byte);
        }
    }
    for (uint32_t i = 0; i < 4 && none_of; i++) {
        place->fits[i] = ~place->fits[i];
    }
}

/* What stands before the next star. */
static struct place read_place(struct reader *reader)
{
    struct place place = {0};
    uint8_t byte = take(reader);
    if (byte == '?') {
        memset(&place, 0xff, sizeof(place));
    } else if (byte == '[') {
        read_brackets(reader, &place);
    } else {
        if (byte == '\\' && reader->rest.len > 0) {
            byte = take(reader);
        }
        add_byte(reader, &place, byte);
    }
    return place;
}

/* ---- compiling ---- */

static uint32_t piece_words(uint32_t len)
{
    return (len + WORD_BITS - 1) / WORD_BITS;
}

static int piece_make_plain(struct arena *arena, const struct place *places, struct piece *piece)
{
    uint8_t *bytes = arena_alloc(arena, piece->len + 1);
    if (bytes == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < piece->len; i++) {
        (void)place_count(&places[i], &bytes[i]);
    }
    piece->bytes = bytes;
    return 0;
}

/* Takes the places, which stay, as they are or as plain bytes. */
static int piece_make(struct arena *arena, const struct place *places, struct piece *piece)
{
    piece->plain = true;
    for (uint32_t i = 0; i < piece->len && piece->plain; i++) {
        uint8_t byte;
        piece->plain = place_count(&places[i], &byte) == 1;
    }
    piece->places = places;
    return piece->plain ? piece_make_plain(arena, places, piece) : 0;
}

/* Of a piece that is looked for. */
static int piece_make_rows(struct arena *arena, struct piece *piece)
{
    if (piece->plain || piece->len <= TRIED_MAX) {
        return 0;
    }
    if (piece->len > GLOB_SEARCHED_MAX) {
        return SHOAL_ETOOBIG;
    }
    uint32_t words = piece_words(piece->len);
    uint64_t *rows = arena_alloc_array(arena, (size_t)256 * words, sizeof(*rows));
    if (rows == NULL) {
        return SHOAL_ENOMEM;
    }
    memset(rows, 0, (size_t)256 * words * sizeof(*rows));
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (uint32_t i = 0; i < piece->len; i++) {
            if (place_fits(&piece->places[i], (uint8_t)byte)) {
                rows[byte * words + i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
            }
        }
    }
    piece->rows = rows;
    return 0;
}

static uint32_t count_pieces(struct bytes pattern)
{
    uint32_t count = 1;
    for (size_t i = 0; i < pattern.len; i++) {
        count += pattern.data[i] == '*' ? 1 : 0;
    }
    return count;
}

static int glob_read(struct arena *arena, struct reader *reader, struct place *places,
                     struct piece *pieces, struct glob *glob)
{
    while (true) {
        struct piece *piece = &pieces[glob->count++];
        *piece = (struct piece){0};
        while (reader->rest.len > 0 && reader->rest.data[0] != '*') {
            places[piece->len++] = read_place(reader);
        }
        bool last = reader->rest.len == 0;
        int result = piece_make(arena, places, piece);
        places += piece->len;
        if (result == 0 && glob->count > 1 && !last) {
            result = piece_make_rows(arena, piece);
        }
        glob->len += piece->len;
        if (result < 0 || last) {
            return result;
        }
        while (reader->rest.len > 0 && reader->rest.data[0] == '*') {
            (void)take(reader);
        }
    }
}

int glob_compile(struct arena *arena, struct bytes pattern, bool any_case, const struct glob **out)
{
    if (pattern.len > GLOB_BYTES_MAX) {
        return SHOAL_ETOOBIG;
    }
    struct reader reader = {.rest = pattern, .any_case = any_case};
    struct glob *glob = arena_alloc(arena, sizeof(*glob));
    struct piece *pieces = arena_alloc_array(arena, count_pieces(pattern), sizeof(*pieces));
    struct place *places = arena_alloc_array(arena, pattern.len + 1, sizeof(*places));
    if (glob == NULL || pieces == NULL || places == NULL) {
        return SHOAL_ENOMEM;
    }
    *glob = (struct glob){.pieces = pieces};
    int result = glob_read(arena, &reader, places, pieces, glob);
    if (result == 0) {
        *out = glob;
    }
    return result;
}

/* ---- matching ---- */

static bool piece_fits(const struct piece *piece, const uint8_t *at)
{
    if (piece->plain) {
        return memcmp(piece->bytes, at, piece->len) == 0;
    }
    for (uint32_t i = 0; i < piece->len; i++) {
        if (!place_fits(&piece->places[i], at[i])) {
            return false;
        }
    }
    return true;
}

/* All places of the piece at once: bit i of `reached` says that its first i + 1 places fit the
 * bytes up to here. */
static const uint8_t *piece_search(const struct piece *piece, struct bytes text)
{
    uint64_t reached[WORDS_MAX] = {0};
    uint32_t words = piece_words(piece->len);
    uint64_t end = UINT64_C(1) << ((piece->len - 1) % WORD_BITS);
    ASSERT(words <= WORDS_MAX);
    for (size_t at = 0; at < text.len; at++) {
        const uint64_t *row = &piece->rows[(size_t)text.data[at] * words];
        uint64_t carry = 1;
        for (uint32_t i = 0; i < words; i++) {
            uint64_t next = reached[i] >> (WORD_BITS - 1);
            reached[i] = (reached[i] << 1 | carry) & row[i];
            carry = next;
        }
        if ((reached[words - 1] & end) != 0) {
            return text.data + at + 1 - piece->len;
        }
    }
    return NULL;
}

/* Where the piece is first met; NULL: nowhere. */
static const uint8_t *piece_find(const struct piece *piece, struct bytes text)
{
    if (piece->len > text.len) {
        return NULL;
    }
    if (piece->plain) {
        return memmem(text.data, text.len, piece->bytes, piece->len);
    }
    if (piece->rows != NULL) {
        return piece_search(piece, text);
    }
    for (size_t at = 0; at <= text.len - piece->len; at++) {
        if (piece_fits(piece, text.data + at)) {
            return text.data + at;
        }
    }
    return NULL;
}

bool glob_matches(const struct glob *glob, struct bytes text)
{
    if (text.len == 0) {
        return glob->len == 0 && glob->count == 1;
    }
    const struct piece *first = &glob->pieces[0];
    const struct piece *last = &glob->pieces[glob->count - 1];
    if (glob->len > text.len || !piece_fits(first, text.data)) {
        return false;
    }
    if (glob->count == 1) {
        return first->len == text.len;
    }
    if (!piece_fits(last, text.data + text.len - last->len)) {
        return false;
    }
    struct bytes rest = bytes_make(text.data + first->len, text.len - first->len - last->len);
    for (uint32_t i = 1; i + 1 < glob->count; i++) {
        const struct piece *piece = &glob->pieces[i];
        const uint8_t *at = piece_find(piece, rest);
        if (at == NULL) {
            return false;
        }
        at += piece->len;
        rest = bytes_make(at, rest.len - (size_t)(at - rest.data));
    }
    return true;
}

struct bytes glob_prefix(const struct glob *glob)
{
    const struct piece *first = &glob->pieces[0];
    if (first->plain) {
        return bytes_make(first->bytes, first->len);
    }
    return bytes_make(NULL, 0);
}
