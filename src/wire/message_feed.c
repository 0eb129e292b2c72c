/* FEED and its answer: the events of one lane of the live feed from a position on. The events stay
 * as the lane has them (storage/tail.h), in one bin: who serves them copies a stretch of its log.
 *
 *      [59, id, lane, tail, from, at, bytes_max, wait_us]
 *      [60, id, code, lanes, tail, first, next, end, events] */
#include "base/limits.h"
#include "wire/codec.h"

#define FEED_FIELDS 6u
#define FED_FIELDS 7u

int message_feed_encode(const struct message_feed *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_FEED, message->id, FEED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->lane, LIMIT_WORKERS - 1);
    write_u64(writer, message->tail);
    write_u64_within(writer, message->from, FEED_FROM_END);
    write_u64(writer, message->at);
    write_u64(writer, message->bytes_max);
    write_u64(writer, message->wait_us);
    return encoder_end(&encoder);
}

int message_feed_decode(struct bytes payload, struct arena *arena, struct message_feed *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_FEED, FEED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_feed message = {.id = decoder.id};
    message.lane = (uint32_t)read_u64_max(reader, LIMIT_WORKERS - 1);
    message.tail = read_u64(reader);
    message.from = (uint32_t)read_u64_max(reader, FEED_FROM_END);
    message.at = read_u64(reader);
    message.bytes_max = read_u64(reader);
    message.wait_us = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_fed_encode(const struct message_fed *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_FED, message->id, FED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_u64_within(writer, message->lanes, LIMIT_WORKERS);
    write_u64(writer, message->tail);
    write_u64(writer, message->first);
    write_u64(writer, message->next);
    write_u64(writer, message->end);
    write_bin_within(writer, message->events, LIMIT_FEED_PAGE_BYTES);
    return encoder_end(&encoder);
}

int message_fed_decode(struct bytes payload, struct arena *arena, struct message_fed *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_FED, FED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_fed message = {.id = decoder.id};
    message.code = read_code(reader);
    message.lanes = (uint32_t)read_u64_max(reader, LIMIT_WORKERS);
    message.tail = read_u64(reader);
    message.first = read_u64(reader);
    message.next = read_u64(reader);
    message.end = read_u64(reader);
    message.events = read_bin(reader, LIMIT_FEED_PAGE_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
