/* Globs against a matcher that tries every way, over texts and patterns of few letters, so that
 * they often nearly match. */
#include "property.h"

#include "base/glob.h"

#define PATTERN_MAX 24u
#define TEXT_MAX 24u

static const char letters[] = "aab-]^\\\x80";
static const char signs[] = "**??[[]^-\\\\aab\x80";

static struct arena arena;

/* Takes one place off the pattern: does it fit the byte? */
static bool fits_brackets(struct bytes *pattern, uint8_t byte)
{
    size_t at = 1;
    const uint8_t *data = pattern->data;
    bool none_of = at < pattern->len && data[at] == '^';
    bool found = false;
    at += none_of ? 1 : 0;
    while (at < pattern->len && data[at] != ']') {
        size_t left = pattern->len - at;
        if (data[at] == '\\' && left >= 2) {
            found = found || data[at + 1] == byte;
            at += 2;
        } else if (left >= 3 && data[at + 1] == '-') {
            int from = (int8_t)data[at];
            int to = (int8_t)data[at + 2];
            int value = (int8_t)byte;
            found = found || (value >= from && value <= to) || (value >= to && value <= from);
            at += 3;
        } else {
            found = found || data[at] == byte;
            at++;
        }
    }
    at += at < pattern->len ? 1 : 0;
    *pattern = bytes_make(data + at, pattern->len - at);
    return found != none_of;
}

static bool fits_place(struct bytes *pattern, uint8_t byte)
{
    uint8_t first = pattern->data[0];
    if (first == '[') {
        return fits_brackets(pattern, byte);
    }
    size_t len = first == '\\' && pattern->len >= 2 ? 2 : 1;
    uint8_t wanted = pattern->data[len - 1];
    *pattern = bytes_make(pattern->data + len, pattern->len - len);
    return (len == 1 && first == '?') || wanted == byte;
}

static bool matches_somehow(struct bytes pattern, struct bytes text)
{
    if (pattern.len == 0) {
        return text.len == 0;
    }
    if (pattern.data[0] == '*') {
        struct bytes rest = bytes_make(pattern.data + 1, pattern.len - 1);
        for (size_t i = 0; i <= text.len; i++) {
            if (matches_somehow(rest, bytes_make(text.data + i, text.len - i))) {
                return true;
            }
        }
        return false;
    }
    return text.len > 0 && fits_place(&pattern, text.data[0]) &&
           matches_somehow(pattern, bytes_make(text.data + 1, text.len - 1));
}

static struct bytes draw(struct random *random, uint8_t *out, size_t len_max, const char *from,
                         size_t from_len)
{
    size_t len = (size_t)random_below(random, len_max + 1);
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)from[random_below(random, from_len)];
    }
    return bytes_make(out, len);
}

static void matches_what_matches_somehow(struct random *random)
{
    uint8_t pattern_bytes[PATTERN_MAX];
    uint8_t text_bytes[TEXT_MAX];
    size_t letter_count = 1 + (size_t)random_below(random, sizeof(letters) - 1);
    size_t sign_count = 1 + (size_t)random_below(random, sizeof(signs) - 1);
    size_t sign_first = (size_t)random_below(random, sizeof(signs) - sign_count);
    size_t pattern_max = (size_t)random_below(random, PATTERN_MAX + 1);
    for (unsigned i = 0; i < 50; i++) {
        struct bytes pattern =
            draw(random, pattern_bytes, pattern_max, signs + sign_first, sign_count);
        struct bytes text = draw(random, text_bytes, TEXT_MAX, letters, letter_count);
        const struct glob *glob = NULL;
        bool expected = text.len == 0 ? pattern.len == 0 : matches_somehow(pattern, text);
        arena_reset(&arena);
        CHECK(glob_compile(&arena, pattern, false, &glob) == 0);
        CHECK(glob_matches(glob, text) == expected);
        CHECK(!expected || bytes_starts_with(text, glob_prefix(glob)));
    }
}

static void globs_match_what_matches_somehow(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    property_run(matches_what_matches_somehow, 3000);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_what_matches_somehow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
