/* What a head's fields mean for the request as a whole: where its body ends, whose it is, what
 * becomes of the connection. Private to the head_*.c files. */
#ifndef API_HTTP_HEAD_FIELDS_H
#define API_HTTP_HEAD_FIELDS_H

#include "api/http/head.h"

/* HOST or HOST:PORT as a URL has it. */
bool http_is_authority(struct bytes text);

/* Fills in what follows from method, version and fields. 0, or SHOAL_EPROTO and a problem. */
int http_head_understand(struct http_head *head, struct http_problem *problem);

#endif
