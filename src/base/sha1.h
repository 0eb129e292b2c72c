/* SHA-1 (FIPS 180-4), for the one place that asks for it: the proof in a WebSocket handshake that
 * the server has read the request (RFC 6455, section 4.2.2). No secret hangs on it. By hand,
 * because libsodium rightly has none. */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include "base/bytes.h"

#define SHA1_BYTES 20u

void sha1(struct bytes content, uint8_t out[SHA1_BYTES]);

#endif
