/* A shopping cart kept in Shoal, with the synchronous calls of libshoal: read, change, write back
 * with the context of the read, and merge what others have written at the same time.
 *
 *     cc sync.c $(pkg-config --cflags --libs shoal) -o cart && ./cart 127.0.0.1:3001 apples */
#include <shoal/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CART_BYTES_MAX 4096

static int fail(const struct shoal_client *client, const char *what, int code)
{
    fprintf(stderr, "%s: %s\n", what, shoal_client_error(client));
    if (code == SHOAL_EUNKNOWN) {
        fprintf(stderr, "the cart may have been written: look before you write again\n");
    }
    return EXIT_FAILURE;
}

/* All siblings in one cart: concurrent writers have each left theirs. */
static void merge(const struct shoal_result *result, char *cart, size_t size)
{
    for (size_t i = 0; i < result->value_count; i++) {
        struct shoal_bytes value = result->values[i].value;
        size_t len = strlen(cart);
        snprintf(cart + len, size - len, "%s%.*s", len > 0 ? " " : "", (int)value.len,
                 (const char *)value.data);
    }
}

static int add_to_cart(struct shoal_client *client, const char *thing)
{
    struct shoal_bytes key = shoal_text("cart");
    struct shoal_result *found = NULL;
    char cart[CART_BYTES_MAX] = "";

    /* A missing cart is an empty one; its result still has the context, if it was deleted. */
    int code = shoal_get(client, key, NULL, &found);
    if (code != 0 && code != SHOAL_ENOTFOUND) {
        return fail(client, "reading the cart", code);
    }
    merge(found, cart, sizeof(cart));
    size_t len = strlen(cart);
    snprintf(cart + len, sizeof(cart) - len, "%s%s", len > 0 ? " " : "", thing);

    /* With the context this write replaces exactly the siblings that were merged. */
    struct shoal_options options = {.context = found->context};
    code = shoal_put(client, key, shoal_text(cart), &options, NULL);
    shoal_result_free(found);
    if (code != 0) {
        return fail(client, "writing the cart", code);
    }
    printf("%s\n", cart);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s HOST[:PORT],... THING\n", argv[0]);
        return EXIT_FAILURE;
    }
    struct shoal_config config = {.hosts = argv[1], .name = "cart"};
    struct shoal_client *client = NULL;
    char text[256];
    if (shoal_client_open(&config, &client, text, sizeof(text)) != 0) {
        fprintf(stderr, "%s\n", text);
        return EXIT_FAILURE;
    }
    int status = add_to_cart(client, argv[2]);
    shoal_client_free(client);
    return status;
}
