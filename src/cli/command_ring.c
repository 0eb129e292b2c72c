/* shoal ring: who owns what. Neighbouring partitions with the same owners share a line. With a key:
 * its partition and owners. */
#include "cli/session.h"
#include "report/cluster_json.h"

static void print_owners(struct terminal *terminal, const struct shoal_ring *ring,
                         uint32_t partition)
{
    const uint16_t *row = ring->owners + (size_t)partition * ring->replicas;
    for (uint32_t i = 0; i < ring->replicas; i++) {
        (void)fprintf(terminal->out, " %s", ring->nodes[row[i]].name);
    }
    (void)fputc('\n', terminal->out);
}

static bool same_owners(const struct shoal_ring *ring, uint32_t a, uint32_t b)
{
    size_t bytes = ring->replicas * sizeof(*ring->owners);
    return memcmp(ring->owners + (size_t)a * ring->replicas,
                  ring->owners + (size_t)b * ring->replicas, bytes) == 0;
}

static int print_ring(struct terminal *terminal, const struct shoal_ring *ring)
{
    if (terminal->json) {
        return terminal_print_json(terminal, terminal->out, json_of_ring(ring));
    }
    (void)fprintf(terminal->out, "layout %llu, %u partitions, %u owners each\n",
                  (unsigned long long)ring->layout_version, ring->partitions, ring->replicas);
    for (uint32_t first = 0; first < ring->partitions;) {
        uint32_t next = first + 1;
        while (next < ring->partitions && same_owners(ring, first, next)) {
            next++;
        }
        char range[32];
        (void)snprintf(range, sizeof(range), next == first + 1 ? "%u" : "%u-%u", first, next - 1);
        (void)fprintf(terminal->out, "%11s ", range);
        print_owners(terminal, ring, first);
        first = next;
    }
    return 0;
}

static int print_key(struct terminal *terminal, const struct shoal_ring *ring,
                     struct shoal_bytes key)
{
    uint32_t partition = shoal_ring_partition(ring, key);
    if (!terminal->json) {
        (void)fprintf(terminal->out, "partition %u:", partition);
        print_owners(terminal, ring, partition);
        return 0;
    }
    return terminal_print_json(terminal, terminal->out, json_of_place(ring, key, partition));
}

int command_ring(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    struct shoal_ring *ring = NULL;
    int code = shoal_ring(session.client, &session.options, &ring);
    if (code != 0) {
        status = session_fail(&session, code);
    } else if (invocation->key == NULL && invocation->argument_count == 0) {
        status = print_ring(terminal, ring);
    } else {
        struct shoal_bytes key = {0};
        uint32_t used = 0;
        status = session_key(&session, &key, &used);
        if (status == 0) {
            status = print_key(terminal, ring, key);
        }
    }
    shoal_ring_free(ring);
    session_close(&session);
    return status;
}
