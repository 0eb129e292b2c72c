/* Small texts: durations, numbers and addresses as people write them, base64url, hex. Parsers take
 * the whole text or refuse it. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"

/* "250us", "250ms", "60s", "5m", "2h", "1d", or a bare number in `unit_us` microseconds (1000 for a
 * name that ends in _ms). 0, or SHOAL_EINVAL (also for anything over 100 years). */
int text_parse_duration_us(const char *text, uint64_t unit_us, uint64_t *out_us);

/* Decimal digits only, within [min, max]: 0 or SHOAL_EINVAL. */
int text_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* HOST:PORT or [v6]:PORT. `host` receives the bare host and must hold 256 bytes. A missing port is
 * `port_default` unless that is 0, and then an IPv6 address needs no brackets; port 0 is refused. 0
 * or SHOAL_EINVAL. */
int text_parse_address(const char *text, uint16_t port_default, char host[256], uint16_t *port);

/* Could it be a host: a name, an IPv4 address or an IPv6 address without brackets, and nothing
 * around it. At most 255 bytes. */
bool text_is_host(const char *text);

/* HOST:PORT, with brackets where the host is an IPv6 address: what text_parse_address takes. */
#define TEXT_ADDRESS_BYTES (255u + sizeof("[]:65535"))
void text_address(const char *host, uint32_t port, char out[TEXT_ADDRESS_BYTES]);

/* Base64 with - and _ and no padding. The encoders and decoders append, or fail as buffer_append
 * does and leave the buffer as it was; the decoders take only the one canonical spelling. */
int text_base64url_encode(struct bytes in, struct buffer *out);
int text_base64url_decode(struct bytes in, struct buffer *out); /* SHOAL_EINVAL if ill-formed */

/* Standard base64 with padding, as JSON's value_base64 carries it. */
int text_base64_encode(struct bytes in, struct buffer *out);
int text_base64_decode(struct bytes in, struct buffer *out);

/* A wall time in ms since 1970 as "2026-11-22T04:05:06.123Z" and a NUL; what is beyond the year
 * 9999 as its last moment. */
#define TEXT_TIME_BYTES 25u
void text_time(uint64_t ms, char out[TEXT_TIME_BYTES]);

void text_hex(const uint8_t *in, size_t len, char *out); /* out: 2 * len + 1 bytes */

/* How many bytes the character at the start takes, 1 to 4; 0 when none is well-formed there. */
size_t text_utf8_length(struct bytes bytes);

/* Valid UTF-8 (no surrogates, no overlongs). */
bool text_is_utf8(struct bytes bytes);

/* Of `names` (ended by NULL), the one nearest to `text` by edit distance, if near enough to be a
 * slip; otherwise NULL. For "unknown key X, did you mean Y?". */
const char *text_nearest(const char *text, const char *const *names);

/* "name, other, third", as many of the names (ending with NULL) as fit `room`. */
void text_list(const char *const *names, char *out, size_t room);

#endif
