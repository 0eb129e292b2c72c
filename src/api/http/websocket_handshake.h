/* The handshake that makes a WebSocket of a request (RFC 6455, section 4.2), and who may have one:
 * a browser lets the pages of every site open a WebSocket to any other and read it, and only says
 * whose page it is (section 10.2). */
#ifndef API_HTTP_WEBSOCKET_HANDSHAKE_H
#define API_HTTP_WEBSOCKET_HANDSHAKE_H

#include "api/http/exchange.h"

/* True: it is a proper one, from nobody who is to be kept out. False: it has been answered: 426
 * where none is asked for or another version is, 400 where it is malformed, 403 for pages of other
 * origins that aren't among http.cors. */
bool websocket_shake(struct http_exchange *exchange);

/* What proves that the key was read: base64 and a NUL. */
#define WEBSOCKET_PROOF_BYTES 29u
int websocket_prove(struct bytes key, char out[WEBSOCKET_PROOF_BYTES]);

#endif
