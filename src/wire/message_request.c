/* REQUEST (put, get, delete, add, expire) and FORWARD, which carries one on its hop to the
 * coordinator.
 *
 *      [5, id, op, key, value | nil, context | nil, ttl_ms, options | nil, expiry_ms, delta]
 *      [32, id, view_digest, [op, key, value | nil, context | nil, ttl_ms, options | nil,
 * expiry_ms, delta]]
 *
 * A forwarded request is an array of its own so that either may grow. The value is there exactly in
 * a put. The last two fields are later additions, left out where they and all behind them are 0.
 * Empty keys and keys or values over the configured limits pass: the node refuses those with a text
 * that says so. */
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/codec.h"

#define REQUEST_FIELDS 6u
#define FORWARD_FIELDS 2u

/* Nothing stands in a request of this kind that has no meaning there, beside its value. */
static bool request_plausible(const struct message_request *message)
{
    bool is_put = message->op == REQUEST_PUT;
    return (message->ttl_ms == 0 || (is_put && message->expiry_ms == 0)) &&
           (message->expiry_ms == 0 || is_put || message->op == REQUEST_EXPIRE) &&
           (message->delta == 0 || message->op == REQUEST_ADD);
}

static uint32_t request_fields(const struct message_request *message)
{
    if (message->delta != 0) {
        return REQUEST_FIELDS + 2;
    }
    return REQUEST_FIELDS + (message->expiry_ms != 0 ? 1 : 0);
}

static void write_request(struct writer *writer, const struct message_request *message)
{
    bool is_put = message->op == REQUEST_PUT;
    uint32_t fields = request_fields(message);
    if ((!is_put && message->value.len > 0) || !request_plausible(message)) {
        writer_fail(writer, SHOAL_EINVAL);
    }
    write_u64_within(writer, message->op, REQUEST_EXPIRE);
    write_bin_within(writer, message->key, LIMIT_KEY_BYTES_MAX);
    if (is_put) {
        write_bin_within(writer, message->value, LIMIT_VALUE_BYTES_MAX);
    } else {
        write_nil(writer);
    }
    write_optional_bin_within(writer, message->context, LIMIT_TOKEN_BYTES);
    write_u64(writer, message->ttl_ms);
    write_options(writer, &message->options);
    if (fields > REQUEST_FIELDS) {
        write_u64(writer, message->expiry_ms);
    }
    if (fields > REQUEST_FIELDS + 1) {
        write_i64(writer, message->delta);
    }
}

/* `unknown` fields follow those that every version sends; those of later versions are left. */
static void read_request(struct reader *reader, struct message_request *message, uint32_t *unknown)
{
    message->op = (uint32_t)read_u64_max(reader, REQUEST_EXPIRE);
    message->key = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    message->value = read_optional_bin(reader, LIMIT_VALUE_BYTES_MAX);
    message->context = read_optional_bin(reader, LIMIT_TOKEN_BYTES);
    message->ttl_ms = read_u64(reader);
    message->options = read_options(reader);
    message->expiry_ms = read_later_field(unknown) ? read_u64(reader) : 0;
    message->delta = read_later_field(unknown) ? read_i64(reader) : 0;
    bool is_put = message->op == REQUEST_PUT;
    if (is_put != (message->value.data != NULL) || !request_plausible(message)) {
        reader_fail(reader, SHOAL_EPROTO);
    }
}

int message_request_encode(const struct message_request *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_REQUEST, message->id, request_fields(message));
    write_request(&encoder.writer, message);
    return encoder_end(&encoder);
}

int message_request_decode(struct bytes payload, struct arena *arena, struct message_request *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_REQUEST, REQUEST_FIELDS);
    struct message_request message = {.id = decoder.id};
    read_request(&decoder.reader, &message, &decoder.unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_forward_encode(const struct message_forward *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_FORWARD, message->request.id, FORWARD_FIELDS);
    write_u64(&encoder.writer, message->view_digest);
    write_array(&encoder.writer, request_fields(&message->request));
    write_request(&encoder.writer, &message->request);
    return encoder_end(&encoder);
}

int message_forward_decode(struct bytes payload, struct arena *arena, struct message_forward *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_FORWARD, FORWARD_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_forward message = {.request = {.id = decoder.id}};
    message.view_digest = read_u64(reader);
    uint32_t unknown = read_fields(reader, REQUEST_FIELDS);
    read_request(reader, &message.request, &unknown);
    read_skip_many(reader, unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
