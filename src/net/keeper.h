/* The node's own record on disk (identity, cluster, view): one small file that is replaced whole,
 * so that after any crash the old one or the new one is there. Written to a temporary file, synced,
 * renamed, and the folder synced; read with every byte checked.
 *
 *      "SHOALREC"  u32 format (1)  u32 zero  u64 length  u64 XXH3 of what follows  the record
 *
 * Numbers are little-endian. */
#ifndef NET_KEEPER_H
#define NET_KEEPER_H

#include "base/buffer.h"

#define KEEPER_FILE "node.record"

/* Appends the record in the folder: 0; 1 when there is none; SHOAL_EPROTO damaged; SHOAL_EVERSION
 * written by a later version; SHOAL_EIO; SHOAL_ENOMEM. Blocks. */
int keeper_load(int folder_fd, struct buffer *out);

/* 0 once it is durable; SHOAL_ENOSPC, SHOAL_EIO: the old one is still there. Blocks. */
int keeper_store(int folder_fd, struct bytes record);

struct loop;
struct blocking;

/* Does so on the blocking thread and tells the loop's worker by worker_kept. The record is copied.
 */
void keeper_keep(struct loop *loop, struct blocking *disk, int folder_fd, struct bytes record,
                 uint64_t sequence);

#endif
