/* The wrap of msgpack-c's packer: its output goes straight onto the buffer, into room that is there
 * in the steady state. The packer is given all numbers, so they take their shortest form. */
#include "wire/writer.h"

#include <msgpack.h>

/* A copy of a length that is nearly always one of the packer's few: constant lengths become plain
 * stores instead of calls. */
static inline void copy_short(uint8_t *to, const char *from, size_t len)
{
    switch (len) {
    case 1:
        *to = (uint8_t)*from;
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 3:
        memcpy(to, from, 3);
        break;
    case 5:
        memcpy(to, from, 5);
        break;
    case 9:
        memcpy(to, from, 9);
        break;
    default:
        memcpy(to, from, len);
        break;
    }
}

static int append(void *self, const char *data, size_t len)
{
    struct writer *writer = self;
    struct buffer *out = writer->out;
    if (out->len_max == 0 && out->capacity - out->len >= len) {
        copy_short(out->data + out->len, data, len);
        out->len += len;
        return 0;
    }
    writer->error = buffer_append(out, data, len);
    return writer->error;
}

static inline msgpack_packer packer_make(struct writer *writer)
{
    return (msgpack_packer){.data = writer, .callback = append};
}

void write_array(struct writer *writer, uint32_t count)
{
    if (writer->error == 0) {
        msgpack_packer packer = packer_make(writer);
        msgpack_pack_array(&packer, count);
    }
}

void write_u64(struct writer *writer, uint64_t value)
{
    if (writer->error == 0) {
        msgpack_packer packer = packer_make(writer);
        msgpack_pack_uint64(&packer, value);
    }
}

void write_i64(struct writer *writer, int64_t value)
{
    if (writer->error == 0) {
        msgpack_packer packer = packer_make(writer);
        msgpack_pack_int64(&packer, value);
    }
}

void write_bool(struct writer *writer, bool value)
{
    if (writer->error == 0) {
        msgpack_packer packer = packer_make(writer);
        if (value) {
            msgpack_pack_true(&packer);
        } else {
            msgpack_pack_false(&packer);
        }
    }
}

void write_nil(struct writer *writer)
{
    if (writer->error == 0) {
        msgpack_packer packer = packer_make(writer);
        msgpack_pack_nil(&packer);
    }
}

/* The body behind a header: the packer's own function would do just this. */
static void write_body(struct writer *writer, struct bytes bytes)
{
    if (writer->error == 0 && bytes.len > 0) {
        append(writer, (const char *)bytes.data, bytes.len);
    }
}

void write_bin_header(struct writer *writer, size_t len)
{
    if (writer->error == 0) {
        msgpack_packer packer = packer_make(writer);
        msgpack_pack_bin(&packer, len);
    }
}

void write_bin(struct writer *writer, struct bytes bytes)
{
    write_bin_header(writer, bytes.len);
    write_body(writer, bytes);
}

void write_optional_bin(struct writer *writer, struct bytes bytes)
{
    if (bytes.data == NULL) {
        write_nil(writer);
    } else {
        write_bin(writer, bytes);
    }
}

void write_str(struct writer *writer, struct bytes bytes)
{
    if (writer->error == 0) {
        msgpack_packer packer = packer_make(writer);
        msgpack_pack_str(&packer, bytes.len);
        write_body(writer, bytes);
    }
}

void write_optional_str(struct writer *writer, struct bytes bytes)
{
    if (bytes.data == NULL) {
        write_nil(writer);
    } else {
        write_str(writer, bytes);
    }
}

void write_text(struct writer *writer, const char *text)
{
    write_str(writer, bytes_from_string(text));
}

void writer_fail(struct writer *writer, int error)
{
    if (writer->error == 0) {
        writer->error = error;
    }
}
