#include "base/base_test.h"
#include "db/keyring.h"
#include "messages.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct key_source one = {.kind = KEY_BYTES, .key = {1}, .place = {"one.key", 7}},
                               two = {.kind = KEY_BYTES, .key = {2}, .place = {"two.key", 7}};

typedef struct keyring *ring_ptr;
static void ring_end(ring_ptr *r)
{
    keyring_close(*r);
}
#define RING CLEANUP(ring_end) ring_ptr

static void a_ring_opens_with_its_key_and_with_no_other(void **state)
{
    struct cx *cx = *state;
    uint8_t before[SEAL_KEY], after[SEAL_KEY];
    str recovery, bytes;
    RING r = NULL, again = NULL, wrong = NULL;
    assert_int_equal(keyring_make(cx, &one, &r, &recovery), OK);
    bytes = keyring_bytes(r, cx->arena);

    assert_int_equal(keyring_open(cx, bytes, S("D/kith.keys"), &one, &again), OK);
    assert_int_equal(keyring_open(cx, bytes, S("D/kith.keys"), &two, &wrong), ERR_INVALID);

    assert_null(wrong);
    assert_str(fault_text(cx->arena, LANG_EN, &cx->why),
               S("the key from two.key does not open D/kith.keys; it is the key of "
                 "another installation, or an old one"));
    assert_true(keyring_derive(r, 1, "page", before) && keyring_derive(again, 1, "page", after));
    assert_memory_equal(before, after, SEAL_KEY);
    assert_str(keyring_bytes(again, cx->arena), bytes);
    assert_false(keyring_derive(r, 2, "page", after));
    assert_false(keyring_derive(r, 0, "page", after));
}

static void the_recovery_key_opens_it_however_it_was_typed(void **state)
{
    struct cx *cx = *state;
    str recovery, bytes;
    uint8_t a[SEAL_KEY], b[SEAL_KEY];
    RING r = NULL;
    assert_int_equal(keyring_make(cx, &one, &r, &recovery), OK);
    bytes = keyring_bytes(r, cx->arena);
    assert_int_equal(recovery.len, 36 + 8);
    char *typed = arena_cstr(cx->arena, recovery);
    for (char *p = typed; *p; p++) /* as from paper */
        *p = (char)(*p == '-'   ? ' '
                    : *p == '0' ? 'o'
                    : *p == '1' ? 'l'
                    : *p >= 'A' ? *p - 'A' + 'a'
                                : *p);

    RING found = NULL;
    assert_int_equal(keyring_open_recovery(cx, bytes, S("k"), (str){typed, recovery.len}, &found),
                     OK);
    assert_true(keyring_derive(r, 1, "blob", a) && keyring_derive(found, 1, "blob", b));
    assert_memory_equal(a, b, SEAL_KEY);

    size_t missed = 0;
    for (size_t i = 0; i < recovery.len;
         i++) { /* a single mistake is seen as one, but for one in a million */
        RING none = NULL;
        typed = arena_cstr(cx->arena, recovery);
        typed[i] = typed[i] == '-' ? '5' : typed[i] == '7' ? '8' : '7';
        assert_int_equal(
            keyring_open_recovery(cx, bytes, S("k"), (str){typed, recovery.len}, &none),
            ERR_INVALID);
        missed += cx->why.msg == M_KEYS_RECOVERY_WRONG;
        assert_true(missed <= 1 && (missed || cx->why.msg == M_KEYS_RECOVERY_TYPED));
    }
    assert_int_equal(keyring_change(cx, found, &two),
                     OK); /* a new key file after the old one was lost */
    RING changed = NULL, old = NULL;
    str fresh = keyring_bytes(found, cx->arena);
    assert_int_equal(keyring_open(cx, fresh, S("k"), &two, &changed), OK);
    assert_int_equal(keyring_open(cx, fresh, S("k"), &one, &old), ERR_INVALID);
}

static void a_new_recovery_key_ends_the_old_one(void **state)
{
    struct cx *cx = *state;
    str first, second;
    RING r = NULL, a = NULL, b = NULL;
    assert_int_equal(keyring_make(cx, &one, &r, &first), OK);
    assert_int_equal(keyring_renew_recovery(cx, r, &second), OK);
    str bytes = keyring_bytes(r, cx->arena);
    assert_int_equal(keyring_open_recovery(cx, bytes, S("k"), first, &a), ERR_INVALID);
    assert_int_equal(cx->why.msg, M_KEYS_RECOVERY_WRONG);
    assert_int_equal(keyring_open_recovery(cx, bytes, S("k"), second, &b), OK);
}

static void two_epochs_are_readable_until_the_old_one_is_dropped(void **state)
{
    struct cx *cx = *state;
    str recovery, plain;
    uint8_t epochs[KEY_EPOCHS_MAX], key[SEAL_KEY];
    RING r = NULL, by_key = NULL, by_paper = NULL;
    assert_int_equal(keyring_make(cx, &one, &r, &recovery), OK);
    str old = keyring_seal(r, cx->arena, "blob", S("blob 7"), S("secret"));
    assert_int_equal(keyring_add(cx, r, NULL), OK);
    assert_int_equal(keyring_add(cx, r, NULL), ERR_CONFLICT);
    str new = keyring_seal(r, cx->arena, "blob", S("blob 7"), S("secret"));
    assert_int_equal(keyring_epoch_of(old), 1);
    assert_int_equal(keyring_epoch_of(new), 2);

    str bytes = keyring_bytes(r, cx->arena);
    assert_int_equal(keyring_open(cx, bytes, S("k"), &one, &by_key), OK);
    assert_int_equal(keyring_open_recovery(cx, bytes, S("k"), recovery, &by_paper),
                     OK); /* without it at hand */
    assert_int_equal(keyring_epochs(by_key, epochs), 2);
    assert_true(keyring_unseal(by_key, cx->arena, "blob", S("blob 7"), old, &plain));
    assert_true(keyring_unseal(by_paper, cx->arena, "blob", S("blob 7"), new, &plain));
    assert_str(plain, S("secret"));
    assert_false(keyring_unseal(by_key, cx->arena, "blob", S("blob 8"), old, &plain));
    assert_false(keyring_unseal(by_key, cx->arena, "audit", S("blob 7"), old, &plain));

    keyring_drop(r, 2); /* the one that writes stays */
    assert_true(keyring_has(r, 2));
    keyring_drop(r, 1);
    assert_false(keyring_has(r, 1));
    assert_false(keyring_derive(r, 1, "page", key));
    assert_false(keyring_unseal(r, cx->arena, "blob", S("blob 7"), old, &plain));
    assert_true(keyring_unseal(r, cx->arena, "blob", S("blob 7"), new, &plain));
    for (int i = 0; i < 300; i++) { /* the number goes round */
        assert_int_equal(keyring_add(cx, r, NULL), OK);
        assert_int_equal(keyring_epochs(r, epochs), 2);
        assert_int_not_equal(epochs[1], 0);
        keyring_drop(r, epochs[0]);
    }
}

static void a_pass_phrase_opens_it_too(void **state)
{
    struct cx *cx = *state;
    str recovery;
    struct key_source phrase = {.kind = KEY_PHRASE,
                                .phrase = S("корова и четыре луны"),
                                .place = S("the terminal")},
                      other = {.kind = KEY_PHRASE,
                               .phrase = S("корова и четыре луны "),
                               .place = S("the terminal")},
                      brief = {.kind = KEY_PHRASE,
                               .phrase = S("four moons"),
                               .place = S("the terminal")};
    RING r = NULL, a = NULL, b = NULL, c = NULL;
    assert_int_equal(keyring_make(cx, &brief, &r, &recovery), ERR_INVALID);
    assert_int_equal(keyring_make(cx, &phrase, &r, &recovery), OK);
    str bytes = keyring_bytes(r, cx->arena);
    enum key_kind kind = KEY_NONE;
    assert_int_equal(keyring_kind(cx, bytes, S("k"), &kind), OK);
    assert_int_equal(kind, KEY_PHRASE);
    assert_int_equal(keyring_open(cx, bytes, S("k"), &phrase, &a), OK);
    assert_int_equal(keyring_open(cx, bytes, S("k"), &other, &b), ERR_INVALID);
    assert_int_equal(keyring_open(cx, bytes, S("k"), &one, &c), ERR_INVALID);
    assert_int_equal(cx->why.msg, M_KEYS_WRONG);
}

static void one_flipped_bit_in_its_file_is_called_damage_and_its_line_is_named(void **state)
{
    struct cx *cx = *state;
    str recovery;
    RING r = NULL;
    assert_int_equal(keyring_make(cx, &one, &r, &recovery), OK);
    assert_int_equal(keyring_add(cx, r, NULL), OK);
    str bytes = keyring_bytes(r, cx->arena);
    char *bent = arena_cstr(cx->arena, bytes);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        struct keyring *none = NULL;
        bent[bit / 8] = (char)(bent[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(keyring_open(cx, (str){bent, bytes.len}, S("k"), &one, &none),
                         ERR_INVALID);
        assert_true(cx->why.msg == M_KEYS_DAMAGED ||
                    (cx->why.msg == M_KEYS_LATER && bit / 8 == 10));
        assert_null(none);
        bent[bit / 8] = (char)(bent[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t n = 0; n < bytes.len; n += 3) {
        struct keyring *none = NULL;
        assert_int_equal(keyring_open(cx, (str){bent, n}, S("k"), &one, &none), ERR_INVALID);
        assert_int_equal(cx->why.msg, M_KEYS_DAMAGED);
    }
}

/* ---- files -------------------------------------------------------------------------------------- */

static str folder(struct cx *cx)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    str dir = arena_printf(cx->arena, "%s/kith-keys-XXXXXX", base);
    assert_non_null(mkdtemp((char *)(uintptr_t)dir.ptr));
    return dir;
}

static void put(struct cx *cx, str dir, const char *name, str text)
{
    FILE *f = fopen(arena_printf(cx->arena, SFMT "/%s", SARG(dir), name).ptr, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    fclose(f);
}

static void gone(struct cx *cx, str dir, const char *const *names)
{
    for (; *names; names++)
        (void)unlink(arena_printf(cx->arena, SFMT "/%s", SARG(dir), *names).ptr);
    assert_int_equal(rmdir(dir.ptr), 0);
}

static void what_was_saved_is_found_again(void **state)
{
    struct cx *cx = *state;
    str recovery, bytes, dir = folder(cx);
    struct stat st;
    RING r = NULL;
    assert_int_equal(keyring_file(cx, dir.ptr, &bytes), OK);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(keyring_make(cx, &one, &r, &recovery), OK);
    assert_int_equal(keyring_save(cx, r, dir.ptr), OK);
    assert_int_equal(keyring_file(cx, dir.ptr, &bytes), OK);
    assert_str(bytes, keyring_bytes(r, cx->arena));
    assert_int_equal(stat(arena_printf(cx->arena, "%s/kith.keys", dir.ptr).ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    gone(cx, dir, (const char *const[]){"kith.keys", NULL});
}

static void a_key_is_looked_for_in_the_order_that_is_told(void **state)
{
    struct cx *cx = *state;
    str top = folder(cx), dir = arena_printf(cx->arena, "%s/d", top.ptr),
        file = arena_printf(cx->arena, "%s/a.key", top.ptr);
    struct key_source k;
    struct stat st;
    assert_int_equal(mkdir(dir.ptr, 0700), 0);
    for (size_t i = 0; i < 5; i++)
        unsetenv((const char *const[]){"KITH_KEY_FILE", "KITH_KEY", "CREDENTIALS_DIRECTORY",
                                       "KITH_PASS_PHRASE_FILE", "KITH_KEY"}[i]);

    assert_int_equal(key_find(cx, dir, (str){0}, KEY_BYTES, false, &k), ERR_INVALID);
    assert_int_equal(cx->why.msg, M_KEYS_NO_KEY);
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_NONE, true, &k),
                     OK); /* made beside, for its owner only */
    assert_true(k.is_made);
    assert_str(k.place, arena_printf(cx->arena, "%s/d.key", top.ptr));
    assert_int_equal(stat(k.place.ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct key_source again;
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_BYTES, true, &again), OK);
    assert_false(again.is_made);
    assert_memory_equal(k.key, again.key, SEAL_KEY);

    put(cx, top, "phrase", S("correct horse battery\n"));
    setenv("KITH_PASS_PHRASE_FILE", arena_printf(cx->arena, "%s/phrase", top.ptr).ptr, 1);
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_BYTES, false, &k), OK);
    assert_int_equal(k.kind, KEY_BYTES);
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_NONE, false, &k), OK);
    assert_str(k.phrase, S("correct horse battery"));

    setenv("KITH_KEY", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=", 1);
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_NONE, false, &k), OK);
    assert_int_equal(k.key[0], 2);
    put(cx, top, "kith.key",
        S("# three\n0303030303030303030303030303030303030303030303030303030303030303\n"));
    setenv("CREDENTIALS_DIRECTORY", top.ptr, 1);
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_NONE, false, &k), OK);
    assert_int_equal(k.key[31], 3);
    put(cx, top, "a.key", S("44444444444444444444444444444444"));
    setenv("KITH_KEY_FILE", file.ptr, 1);
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_NONE, false, &k), OK);
    assert_int_equal(k.key[31], '4');
    assert_int_equal(
        key_find(cx, dir, arena_printf(cx->arena, "%s/kith.key", top.ptr), KEY_NONE, false, &k),
        OK);
    assert_int_equal(k.key[31], 3);

    put(cx, top, "a.key", S("something else\n"));
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_NONE, false, &k), ERR_INVALID);
    assert_int_equal(cx->why.msg, M_KEYS_NO_KEY_IN_IT);
    unlink(file.ptr);
    assert_int_equal(key_find(cx, dir, (str){0}, KEY_NONE, false, &k), ERR_INVALID);
    assert_int_equal(cx->why.msg, M_KEYS_UNREADABLE);
    for (size_t i = 0; i < 4; i++)
        unsetenv((const char *const[]){"KITH_KEY_FILE", "KITH_KEY", "CREDENTIALS_DIRECTORY",
                                       "KITH_PASS_PHRASE_FILE"}[i]);
    assert_int_equal(rmdir(dir.ptr), 0);
    gone(cx, top, (const char *const[]){"a.key", "kith.key", "phrase", "d.key", NULL});
}

static void keys_are_read_in_each_spelling_and_nothing_else_is_one(void **state)
{
    (void)state;
    uint8_t k[SEAL_KEY];
    assert_true(key_read(S("AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="), k));
    assert_true(key_read(S(" AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI\r\n"), k));
    assert_true(key_read(
        S("# note\n\n0F0e0303030303030303030303030303030303030303030303030303030303AA\n"), k));
    assert_int_equal(k[0], 15);
    assert_false(key_read(S(""), k));
    assert_false(key_read(S("#\n"), k));
    assert_false(key_read(S("0303"), k));
    assert_false(
        key_read(S("03030303030303030303030303030303030303030303030303030303030303030303"), k));
    assert_false(key_read(S("AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI= 2"), k));
    assert_false(
        key_read(S("0303030303030303030303030303030303030303030303030303030303030303\n03"), k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ring_opens_with_its_key_and_with_no_other),
        TEST(the_recovery_key_opens_it_however_it_was_typed),
        TEST(a_new_recovery_key_ends_the_old_one),
        TEST(two_epochs_are_readable_until_the_old_one_is_dropped),
        TEST(a_pass_phrase_opens_it_too),
        TEST(one_flipped_bit_in_its_file_is_called_damage_and_its_line_is_named),
        TEST(what_was_saved_is_found_again),
        TEST(a_key_is_looked_for_in_the_order_that_is_told),
        TEST(keys_are_read_in_each_spelling_and_nothing_else_is_one),
    };
    return cmocka_run_group_tests_name("keyring", tests, test_cx_open, test_cx_close);
}
