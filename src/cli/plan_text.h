/* What a change moves, as people read it. */
#ifndef CLI_PLAN_TEXT_H
#define CLI_PLAN_TEXT_H

#include <stdio.h>

#include "shoal/cluster.h"

/* The whole plan: a table of the nodes, and below it what the change is worth and what it costs. */
void plan_print(const struct shoal_plan *plan, FILE *out);

/* "layout 3 -> 4: 192 of 768 copies move, about 1.2 GiB". */
#define PLAN_SUMMARY_BYTES 256u
void plan_summary(const struct shoal_plan *plan, char out[PLAN_SUMMARY_BYTES]);

#endif
