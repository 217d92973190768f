/* app/trie_test.c - paths to routes. */
#include "app/trie.h"
#include "base/base_test.h"

static const char *const patterns[] = {
    "/a", "/a/{id}", "/a/{id}/b", "/a/fixed", "/a/{id}/{kind}/c", "/a/fixed/d", "/"};

static struct trie *open_trie(void)
{
    struct trie *t = trie_open();
    for (size_t i = 0; i < COUNT(patterns); i++)
        assert_non_null(trie_add(t, patterns[i]));
    return t;
}

static void expect(const struct trie *t, const char *path, const char *pattern, const char *first)
{
    str params[SPOT_PARAMS_MAX] = {{0}};
    const struct spot *s = trie_find(t, str_of(path), params);
    if (!pattern) {
        if (s)
            fail_msg("'%s' leads to '%s'", path, s->path);
        return;
    }
    if (!s)
        fail_msg("'%s' leads nowhere", path);
    assert_string_equal(s->path, pattern);
    if (first)
        assert_str(params[0], str_of(first));
}

static void a_path_leads_to_its_pattern_and_gives_the_names(void **state)
{
    (void)state;
    struct trie *t = open_trie();

    expect(t, "/a", "/a", NULL);
    expect(t, "/a/x", "/a/{id}", "x");
    expect(t, "/a/x/b", "/a/{id}/b", "x");
    expect(t, "/a/x/y/c", "/a/{id}/{kind}/c", "x");
    expect(t, "/", "/", NULL);
    trie_close(t);
}

static void a_literal_goes_before_a_name_and_a_dead_end_goes_back(void **state)
{
    (void)state;
    struct trie *t = open_trie();

    expect(t, "/a/fixed", "/a/fixed", NULL);
    expect(t, "/a/fixed/d", "/a/fixed/d", NULL);
    expect(t, "/a/fixed/b", "/a/{id}/b", "fixed");
    expect(t, "/a/fixed/y/c", "/a/{id}/{kind}/c", "fixed");
    trie_close(t);
}

static void what_is_no_path_of_ours_leads_nowhere(void **state)
{
    (void)state;
    struct trie *t = open_trie();

    static const char *const none[] = {"",        "a",  "/b",       "/a/",        "/a//b", "/a/x/",
                                       "/a/x/b/", "//", "/a/x/y/d", "/a/x/y/c/z", "/A"};
    for (size_t i = 0; i < COUNT(none); i++)
        expect(t, none[i], NULL, NULL);
    trie_close(t);
}

static void a_pattern_with_too_many_names_is_refused(void **state)
{
    (void)state;
    struct trie *t = open_trie();

    assert_null(trie_add(t, "/{a}/{b}/{c}/{d}/{e}"));
    assert_null(trie_add(t, "no/path"));
    trie_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_its_pattern_and_gives_the_names),
        cmocka_unit_test(a_literal_goes_before_a_name_and_a_dead_end_goes_back),
        cmocka_unit_test(what_is_no_path_of_ours_leads_nowhere),
        cmocka_unit_test(a_pattern_with_too_many_names_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
