/* From a host name and a port to a connected socket, on an event base: looks the name up (evdns, so
 * nothing blocks), then tries its addresses in order. No time limit of its own: whoever dials
 * cancels when it has waited long enough. */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <stdint.h>

struct event_base;
struct dial;

/* What name lookups on one base need; made when the first name has to be looked up. */
struct dialer {
    struct event_base *base;
    struct evdns_base *dns;
};

void dialer_init(struct dialer *dialer, struct event_base *base);
void dialer_deinit(struct dialer *dialer);

/* Called once, never from within dial_start, unless cancelled before: with a connected socket that
 * is non-blocking and now the callee's, or with -1 and why not (valid during the call). */
typedef void (*dial_done_fn)(void *user, int fd, const char *why);

/* 0 or SHOAL_ENOMEM. The handle is valid until `done` is called or dial_cancel. */
int dial_start(struct dialer *dialer, const char *host, uint16_t port, dial_done_fn done,
               void *user, struct dial **out);
void dial_cancel(struct dial *dial);

#endif
