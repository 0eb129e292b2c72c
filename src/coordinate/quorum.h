/* Quorum numbers: from a request's options and the cluster's defaults to plain numbers. */
#ifndef COORDINATE_QUORUM_H
#define COORDINATE_QUORUM_H

#include "ring/layout.h"
#include "wire/messages.h"

struct quorum {
    uint32_t n;  /* owners asked, 1 to the cluster's N */
    uint32_t r;  /* the larger of r and pr: every answer comes from an owner */
    uint32_t w;  /* the larger of w, pw and dw: owners and fallbacks */
    uint32_t pw; /* the larger of pw and dw: owners alone */
    uint32_t dw; /* durable confirmations, of owners */
};

/* 0, or SHOAL_EINVAL with the reason in `why`: "r=4 is larger than n=3". */
int quorum_resolve(const struct cluster_facts *facts, const struct request_options *options,
                   struct quorum *out, char why[128]);

#endif
