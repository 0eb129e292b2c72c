/* What a reader of /wal asks for, as the query has it. */
#ifndef API_HTTP_WAL_QUESTION_H
#define API_HTTP_WAL_QUESTION_H

#include "api/http/exchange.h"

struct wal_question {
    struct bytes prefix; /* in the exchange's arena */
    uint32_t ops;        /* 1 << enum feed_op; 0: the default */
    uint64_t heartbeat_us;
    struct buffer cursor; /* data NULL: from now on; the caller's on success */
};

/* 0; or SHOAL_EINVAL after having answered 400 and why. */
int wal_question_read(struct http_exchange *exchange, struct wal_question *out);

#endif
