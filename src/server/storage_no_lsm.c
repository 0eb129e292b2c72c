/* In the place of storage_lsm.c where RocksDB isn't. */
#include <stddef.h>

#include "server/storage_kind.h"

const struct storage_kind *storage_lsm(void)
{
    return NULL;
}
