/* One of eight kinds of small damage, chosen by the generator. */
#include "support/mutate.h"

#include "base/assert.h"

#define RUN_BYTES_MAX 16u

static const uint8_t hostile[][5] = {
    {0xdd, 0xff, 0xff, 0xff, 0xff}, /* array of 2^32 - 1 */
    {0xdf, 0xff, 0xff, 0xff, 0xff}, /* map of as many */
    {0xc6, 0xff, 0xff, 0xff, 0xff}, /* bin of as many bytes */
    {0xdb, 0x7f, 0xff, 0xff, 0xff}, /* str */
    {0xc9, 0xff, 0xff, 0xff, 0xfe}, /* extension */
    {0x91, 0x91, 0x91, 0x91, 0x91}, /* arrays in arrays */
    {0xff, 0xff, 0xff, 0xff, 0xff}, /* varints without end */
    {0x80, 0x80, 0x80, 0x80, 0x00}, /* varints not in their shortest form */
    {0xc0, 0xc0, 0xc0, 0xc0, 0xc0}, /* nil where something should be */
};

static size_t random_place(struct random *random, const struct buffer *buffer)
{
    return (size_t)random_below(random, buffer->len);
}

static size_t random_run(struct random *random, const struct buffer *buffer, size_t from)
{
    size_t run = 1 + (size_t)random_below(random, RUN_BYTES_MAX);
    return run < buffer->len - from ? run : buffer->len - from;
}

static void insert(struct buffer *buffer, size_t at, const uint8_t *bytes, size_t len)
{
    uint8_t copy[RUN_BYTES_MAX];
    ASSERT(len <= sizeof(copy));
    memcpy(copy, bytes, len);
    ASSERT(buffer_reserve(buffer, len) == 0);
    memmove(buffer->data + at + len, buffer->data + at, buffer->len - at);
    memcpy(buffer->data + at, copy, len);
    buffer->len += len;
}

static void overwrite(struct random *random, struct buffer *buffer, size_t at)
{
    const uint8_t *bytes = hostile[random_below(random, sizeof(hostile) / sizeof(hostile[0]))];
    size_t len = sizeof(hostile[0]) < buffer->len - at ? sizeof(hostile[0]) : buffer->len - at;
    memcpy(buffer->data + at, bytes, len);
}

void mutate(struct random *random, struct buffer *buffer)
{
    if (buffer->len == 0) {
        ASSERT(buffer_append_u8(buffer, (uint8_t)random_u64(random)) == 0);
        return;
    }
    size_t at = random_place(random, buffer);
    size_t run = random_run(random, buffer, at);
    uint8_t byte = (uint8_t)random_u64(random);
    switch (random_below(random, 8)) {
    case 0:
        buffer->data[at] ^= (uint8_t)(1u << (byte & 7u));
        break;
    case 1:
        buffer->data[at] = byte;
        break;
    case 2:
        insert(buffer, at, &byte, 1);
        break;
    case 3:
        memmove(buffer->data + at, buffer->data + at + run, buffer->len - at - run);
        buffer->len -= run;
        break;
    case 4:
        insert(buffer, random_place(random, buffer), buffer->data + at, run);
        break;
    case 5:
        buffer->data[at] = (uint8_t)(buffer->data[at] + 1 - 2 * (byte & 1u));
        break;
    case 6:
        overwrite(random, buffer, at);
        break;
    default:
        buffer->len = at;
        break;
    }
}
