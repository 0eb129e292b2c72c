/* Units for fake workers: carried out at once over one small table that all share, under a lock.
 * A unit with a key that begins with "later:" can't be done here and now, and is done within
 * worker_unit; one with a key that begins with "fails:" has the outcome SHOAL_EUNKNOWN. */
#ifndef SUPPORT_FAKE_UNIT_H
#define SUPPORT_FAKE_UNIT_H

#include "node/unit.h"

/* Forgets all keys. */
void fake_units_clear(void);
/* Are the nodes of this process alone? From the beginning they are. */
void fake_units_set_alone(bool alone);
/* Do they not know it yet? */
void fake_units_set_starting(bool starting);

#endif
