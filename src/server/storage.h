/* The data of a node, whatever the engine: opened before anything else knows the node, closed when
 * all workers are gone.
 *
 *      folder, locked -> storage.json fits the configuration -> a restored copy is verified
 *                     -> recovery of what is on disk (storage_open)
 *                     -> one engine a worker, loaded in parallel (storage_load_engines)
 *                     -> workers ... -> closed, clean or not (storage_close)
 */
#ifndef SERVER_STORAGE_H
#define SERVER_STORAGE_H

#include "base/metrics.h"
#include "server/config.h"
#include "server/data_folder.h"
#include "storage/engine.h"
#include "storage/offload.h"

#define STORAGE_TEXT_BYTES 512u

struct storage;

/* Whether this build has the lsm engine. */
bool storage_has_lsm(void);

/* Called now and then while the storage is opened and loaded, on the thread that does so; it may
 * end the process: as far as the data is concerned, that may happen at any time. */
typedef void (*storage_tick)(void);

/* Opens what the folder holds, or founds it; says in the log how that goes. The configuration is
 * borrowed until the storage is closed. `tick` may be NULL. 0, or a negative code and the words for
 * what is wrong. */
int storage_open(const struct config *config, const struct data_folder *folder, storage_tick tick,
                 struct storage **out, char text[STORAGE_TEXT_BYTES]);

/* Declares what is measured of the storage itself; as metrics_declare. The storage is borrowed for
 * the registry's life. */
int storage_declare_metrics(struct storage *storage, struct metrics *metrics);

/* Whether the engines need an offload port. */
bool storage_offloads(const struct storage *storage);

/* One engine for each worker (`offloads` are theirs), to be freed before storage_close. Once. 0, or
 * a negative code and the words: then there is none. */
int storage_load_engines(struct storage *storage, uint32_t workers, const struct offload *offloads,
                         struct engine **engines, char text[STORAGE_TEXT_BYTES]);

/* The engines found a clean stop behind them: as long as no worker has run, it still is one. */
bool storage_resumed(const struct storage *storage);

/* `clean`: every worker said that all is durable and its holdings may go on. NULL is fine. */
void storage_close(struct storage *storage, bool clean);

#endif
