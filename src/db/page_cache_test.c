/* db/page_cache_test.c */
#include "base/base_test.h"
#include "db/page_cache.h"
#include <pthread.h>

enum { MB = 1 << 20, PAGE = 4096 };

static void page_of(uint8_t page[static PAGE], uint8_t with)
{
    memset(page, with, PAGE);
}

static int kept(struct page_cache *c, uint64_t place)
{
    uint8_t page[PAGE];
    uint64_t seen;
    if (!page_cache_get(c, place, page, &seen))
        return -1;
    for (size_t i = 1; i < sizeof page; i++)
        assert_int_equal(page[i], page[0]);
    return page[0];
}

static void what_was_read_is_kept_and_what_is_written_takes_its_place(void **state)
{
    (void)state;
    struct page_cache *c = page_cache_open(MB, PAGE);
    uint8_t page[PAGE];
    uint64_t seen;
    assert_false(page_cache_get(c, 7, page, &seen));
    page_of(page, 1);
    page_cache_put(c, 7, page, seen);
    assert_int_equal(kept(c, 7), 1);
    assert_int_equal(kept(c, 8), -1);
    page_cache_write_begin(c, 7);
    assert_int_equal(kept(c, 7), -1);
    page_of(page, 2);
    page_cache_write_end(c, 7, page);
    assert_int_equal(kept(c, 7), 2);
    page_cache_write_begin(c, 7);
    page_cache_write_end(c, 7, NULL); /* the write failed: nobody knows what stands there */
    assert_int_equal(kept(c, 7), -1);
    page_cache_close(c);
}

static void what_was_read_before_a_write_is_not_kept_after_it(void **state)
{
    (void)state;
    struct page_cache *c = page_cache_open(MB, PAGE);
    uint8_t before[PAGE], after[PAGE];
    uint64_t seen;
    page_of(before, 1);
    page_of(after, 2);
    assert_false(page_cache_get(c, 7, before, &seen));
    page_of(before, 1);
    page_cache_write_begin(c, 7);
    page_cache_put(c, 7, before, seen);
    assert_int_equal(kept(c, 7), -1);
    page_cache_write_end(c, 7, after);
    page_cache_put(c, 7, before, seen);
    assert_int_equal(kept(c, 7), 2);
    page_cache_clear(c);
    page_cache_put(c, 7, before, seen);
    assert_int_equal(kept(c, 7), -1);
    page_cache_close(c);
}

static void pages_that_are_asked_for_again_outlive_those_of_a_scan(void **state)
{
    (void)state;
    struct page_cache *c = page_cache_open(MB, PAGE); /* 256 pages */
    uint8_t page[PAGE];
    uint64_t seen;
    for (uint64_t i = 0; i < 20; i++) {
        page_of(page, (uint8_t)(i + 1));
        (void)page_cache_get(c, i, page, &seen);
        page_of(page, (uint8_t)(i + 1));
        page_cache_put(c, i, page, seen);
    }
    for (uint64_t i = 100; i < 3000; i++) {
        page_of(page, 99);
        page_cache_write_begin(c, i);
        page_cache_write_end(c, i, page);
        for (uint64_t j = 0; i % 4 == 0 && j < 20; j++)
            assert_int_equal(kept(c, j), j + 1);
    }
    page_cache_close(c);
}

/* Each place holds, at any time, what was written last: a byte that only grows. */
static struct page_cache *shared;
static _Atomic int written[64];
static _Atomic bool is_over;

static void *reads(void *arg)
{
    (void)arg;
    uint64_t n = 0;
    while (!is_over) {
        uint64_t place = n++ % 64, seen;
        uint8_t page[PAGE];
        int least = written[place];
        if (page_cache_get(shared, place, page, &seen)) {
            for (size_t i = 1; i < sizeof page; i++)
                if (page[i] != page[0])
                    return (void *)(uintptr_t) "torn";
            if (page[0] < least)
                return (void *)(uintptr_t) "old";
        } else {
            page_of(page, (uint8_t)written[place]); /* the file */
            page_cache_put(shared, place, page, seen);
        }
    }
    return NULL;
}

static void readers_beside_a_writer_never_see_old_or_torn_pages(void **state)
{
    (void)state;
    shared = page_cache_open(MB, PAGE);
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, reads, NULL), 0);
    for (int to = 1; to < 200; to++)
        for (uint64_t place = 0; place < 64; place++) {
            uint8_t page[PAGE];
            page_of(page, (uint8_t)to);
            page_cache_write_begin(shared, place);
            page_cache_write_end(shared, place, page);
            written[place] = to;
        }
    is_over = true;
    for (int i = 0; i < 3; i++) {
        void *fault = NULL;
        pthread_join(t[i], &fault);
        assert_null(fault);
    }
    page_cache_close(shared);
}

static void the_bytes_it_holds_grow_with_the_pages_it_got_and_no_further(void **state)
{
    (void)state;
    struct page_cache *c = page_cache_open(MB, PAGE);
    uint8_t page[PAGE];
    page_of(page, 1);

    assert_int_equal(page_cache_bytes(c), 0);
    for (int round = 0; round < 2; round++)
        for (uint64_t place = 0; place < 4; place++)
            page_cache_write_end(c, place, page);
    assert_int_equal(page_cache_bytes(c), 4 * PAGE);
    for (uint64_t place = 0; place < 4096; place++)
        page_cache_write_end(c, place, page);
    assert_int_equal(page_cache_bytes(c), MB);
    page_cache_clear(c);
    assert_int_equal(page_cache_bytes(c), MB); /* the memory is there still */
    page_cache_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_is_kept_and_what_is_written_takes_its_place),
        cmocka_unit_test(what_was_read_before_a_write_is_not_kept_after_it),
        cmocka_unit_test(pages_that_are_asked_for_again_outlive_those_of_a_scan),
        cmocka_unit_test(readers_beside_a_writer_never_see_old_or_torn_pages),
        cmocka_unit_test(the_bytes_it_holds_grow_with_the_pages_it_got_and_no_further),
    };
    return cmocka_run_group_tests_name("page_cache", tests, NULL, NULL);
}
