/* The table against a plain array that is searched from end to end. */
#include "property.h"

#include "base/hash.h"
#include "base/table.h"

#define MODEL_MAX 400u

struct model {
    uint64_t keys[MODEL_MAX];
    void *values[MODEL_MAX];
    size_t count;
};

static int payload[64];

static size_t model_find(const struct model *model, uint64_t key)
{
    size_t at = 0;
    while (at < model->count && model->keys[at] != key) {
        at++;
    }
    return at;
}

static void check_get(const struct table *table, const struct model *model, uint64_t key)
{
    size_t at = model_find(model, key);
    CHECK(table_get(table, key) == (at == model->count ? NULL : model->values[at]));
}

static void step_put(struct table *table, struct model *model, uint64_t key, void *value)
{
    size_t at = model_find(model, key);
    if (at == MODEL_MAX) {
        return;
    }
    CHECK(table_put(table, key, value) == 0);
    model->keys[at] = key;
    model->values[at] = value;
    model->count += at == model->count ? 1 : 0;
}

static void step_remove(struct table *table, struct model *model, uint64_t key)
{
    size_t at = model_find(model, key);
    void *removed = table_remove(table, key);
    if (at == model->count) {
        CHECK(removed == NULL);
        return;
    }
    CHECK(removed == model->values[at]);
    model->count--;
    model->keys[at] = model->keys[model->count];
    model->values[at] = model->values[model->count];
}

static void check_walk(const struct table *table, const struct model *model)
{
    size_t cursor = 0;
    size_t count = 0;
    uint64_t key;
    void *value;
    while (table_next(table, &cursor, &key, &value)) {
        size_t at = model_find(model, key);
        CHECK(at < model->count && model->values[at] == value);
        count++;
    }
    CHECK(count == model->count);
    CHECK(table->count == model->count);
}

/* Keys of one schedule: few or many, and either spread or all of one home in small tables. */
static uint64_t draw_key(struct random *random, uint64_t range, bool crowded)
{
    uint64_t key = random_below(random, range);
    if (!crowded) {
        return key;
    }
    for (uint64_t candidate = key * 100000;; candidate++) {
        if ((hash_mix(candidate) & 63) >= 62) {
            return candidate; /* at the end of the slots, so that runs wrap around */
        }
    }
}

static void behaves_as_a_plain_map(struct random *random)
{
    static struct model model;
    struct table table;
    uint64_t range = 1 + random_below(random, 600);
    bool crowded = random_chance(random, 0.5);
    double put_share = 0.3 + 0.5 * random_unit(random);
    model.count = 0;
    table_init(&table);
    for (size_t step = 0; step < 600; step++) {
        uint64_t key = draw_key(random, range, crowded);
        if (random_chance(random, put_share)) {
            step_put(&table, &model, key, &payload[random_below(random, 64)]);
        } else {
            step_remove(&table, &model, key);
        }
        check_get(&table, &model, key);
        check_get(&table, &model, draw_key(random, range, crowded));
        if (step % 50 == 0) {
            check_walk(&table, &model);
        }
    }
    check_walk(&table, &model);
    table_deinit(&table);
}

static void table_behaves_as_a_plain_map(void **state)
{
    (void)state;
    property_run(behaves_as_a_plain_map, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_behaves_as_a_plain_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
