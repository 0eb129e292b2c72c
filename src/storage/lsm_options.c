/* How RocksDB is set up. Where nothing is said, its defaults are right.
 *
 * Its own log says nothing: the library that distributions ship is built with assertions, one of
 * which ends the process when that log can't be written because the disk is full. What goes wrong
 * is returned as an error anyway and logged by us. */
#include "storage/lsm_database.h"

#define MIB (1024u * 1024u)
#define CACHE_BYTES (64u * MIB)
#define CACHE_BYTES_MIN (8u * MIB)
#define WRITE_BUFFER_BYTES (32u * MIB)
#define WRITE_BUFFER_BYTES_MIN (1u * MIB)
#define WRITE_BUFFERS 3
#define BLOCK_BYTES (8u * 1024u)
#define BLOOM_BITS 10.0 /* a key: one in a hundred absent keys is looked for in vain */
#define OPEN_FILES 1000
#define BACKGROUND_JOBS 2
#define LEVELS 7
#define LEVELS_PLAIN 2 /* rewritten so soon that compressing them doesn't pay */
#define SYNC_BYTES (1u * MIB)
#define LOG_LEVEL_FATAL 4
#define TIER_MEMORY 1
#define CHECKSUM_XXH3 4
#define TABLE_FORMAT 5

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Index and filters live in the cache too, so that the bound is one; then a look at them may also
 * have to wait for the disk. */
static void tables_set_up(struct lsm_database *database)
{
    rocksdb_block_based_table_options_t *tables = database->tables;
    rocksdb_block_based_options_set_block_cache(tables, database->cache);
    rocksdb_block_based_options_set_block_size(tables, BLOCK_BYTES);
    rocksdb_block_based_options_set_filter_policy(
        tables, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS)); /* taken over */
    rocksdb_block_based_options_set_whole_key_filtering(tables, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(tables, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(tables, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(tables, 1);
    rocksdb_block_based_options_set_checksum(tables, CHECKSUM_XXH3);
    rocksdb_block_based_options_set_format_version(tables, TABLE_FORMAT);
    rocksdb_options_set_block_based_table_factory(database->options, tables);
}

static void options_set_up(rocksdb_options_t *options, uint64_t write_buffer_bytes)
{
    rocksdb_options_set_write_buffer_size(options, write_buffer_bytes);
    rocksdb_options_set_max_write_buffer_number(options, WRITE_BUFFERS);
    rocksdb_options_set_target_file_size_base(options, 2 * write_buffer_bytes);
    rocksdb_options_set_max_bytes_for_level_base(options, 4 * write_buffer_bytes);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_bytes_per_sync(options, SYNC_BYTES);
    rocksdb_options_set_max_open_files(options, OPEN_FILES);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    rocksdb_options_set_avoid_unnecessary_blocking_io(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_info_log_level(options, LOG_LEVEL_FATAL);
    rocksdb_options_set_keep_log_file_num(options, 1);
    int levels[LEVELS];
    for (int i = 0; i < LEVELS; i++) {
        levels[i] = i < LEVELS_PLAIN ? rocksdb_no_compression : rocksdb_lz4_compression;
    }
    rocksdb_options_set_num_levels(options, LEVELS);
    rocksdb_options_set_compression_per_level(options, levels, LEVELS);
}

void lsm_database_init(struct lsm_database *database, uint64_t memory_bytes_max)
{
    uint64_t cache = CACHE_BYTES;
    uint64_t write_buffer = WRITE_BUFFER_BYTES;
    if (memory_bytes_max > 0) {
        cache = clamp(memory_bytes_max / 2, CACHE_BYTES_MIN, UINT64_MAX);
        write_buffer = clamp(memory_bytes_max / 8, WRITE_BUFFER_BYTES_MIN, WRITE_BUFFER_BYTES);
    }
    *database = (struct lsm_database){.options = rocksdb_options_create(),
                                      .tables = rocksdb_block_based_options_create(),
                                      .cache = rocksdb_cache_create_lru(cache),
                                      .read = rocksdb_readoptions_create(),
                                      .read_now = rocksdb_readoptions_create(),
                                      .write = rocksdb_writeoptions_create(),
                                      .write_sync = rocksdb_writeoptions_create()};
    options_set_up(database->options, write_buffer);
    tables_set_up(database);
    rocksdb_readoptions_set_read_tier(database->read_now, TIER_MEMORY);
    rocksdb_writeoptions_set_sync(database->write_sync, 1);
    database->write_buffer_bytes = write_buffer;
}

void lsm_database_deinit(struct lsm_database *database)
{
    rocksdb_writeoptions_destroy(database->write_sync);
    rocksdb_writeoptions_destroy(database->write);
    rocksdb_readoptions_destroy(database->read_now);
    rocksdb_readoptions_destroy(database->read);
    rocksdb_block_based_options_destroy(database->tables);
    rocksdb_options_destroy(database->options);
    rocksdb_cache_destroy(database->cache);
}
