/* A thousand writes at once, with the asynchronous calls of libshoal on a libevent base of one's
 * own.
 *
 *     cc async.c $(pkg-config --cflags --libs shoal libevent) -o many && ./many 127.0.0.1:3001 */
#include <event2/event.h>
#include <shoal/client.h>
#include <stdio.h>
#include <stdlib.h>

#define WRITES 1000

struct tally {
    int waiting;
    int written;
    int failed;
};

/* Called once for each write, from the event loop. */
static void on_written(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    struct tally *tally = user;
    if (result->code == 0) {
        tally->written++;
    } else if (tally->failed++ == 0) {
        fprintf(stderr, "the first that failed: %s\n", result->text);
    }
    if (--tally->waiting == 0) {
        event_base_loopexit(shoal_client_base(client), NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s HOST[:PORT],...\n", argv[0]);
        return EXIT_FAILURE;
    }
    struct event_base *base = event_base_new();
    struct shoal_config config = {.hosts = argv[1], .name = "many"};
    struct shoal_client *client = NULL;
    if (base == NULL || shoal_client_new(&config, base, &client) != 0) {
        fprintf(stderr, "the client could not be made\n");
        return EXIT_FAILURE;
    }
    struct tally tally = {0};
    for (int i = 0; i < WRITES; i++) {
        char key[32];
        snprintf(key, sizeof(key), "many/%d", i);
        /* Key and value are copied: the buffer may be used again at once. */
        int code =
            shoal_put_start(client, shoal_text(key), shoal_text("value"), NULL, on_written, &tally);
        if (code == 0) {
            tally.waiting++;
        } else {
            fprintf(stderr, "%s\n", shoal_error_text(code));
            tally.failed++;
        }
    }
    if (tally.waiting > 0) {
        event_base_dispatch(base);
    }
    shoal_client_free(client);
    event_base_free(base);
    printf("%d written, %d failed\n", tally.written, tally.failed);
    return tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
