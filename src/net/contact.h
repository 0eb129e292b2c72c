/* One question to an address whose node isn't known: dial, ask, hand the answer over, hang up. */
#ifndef NET_CONTACT_H
#define NET_CONTACT_H

#include "net/loop.h"

struct resolver;

struct contacts {
    struct loop *loop;
    struct resolver *names;
    struct queue all;
};

void contacts_init(struct contacts *contacts, struct loop *loop, struct resolver *names);
void contacts_deinit(struct contacts *contacts);

/* As ports.contact: worker_contacted follows exactly once, never from within this call. */
void contact_start(struct contacts *contacts, const char *host, uint16_t port, struct bytes frame,
                   uint64_t ticket, uint64_t timeout_us);

#endif
