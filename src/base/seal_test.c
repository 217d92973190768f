#include "base/base_test.h"
#include "base/seal.h"

static void aead_end(struct aead **a)
{
    aead_close(*a);
}
#define CLEANUP_AEAD CLEANUP(aead_end)

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

static void assert_hex(const uint8_t *p, size_t n, const char *hex)
{
    uint8_t expected[256];
    assert_int_equal(unhex(hex, expected), n);
    assert_memory_equal(p, expected, n);
}

static void keys_are_derived_as_rfc_5869_says(void **state)
{
    (void)state;
    static const struct {
        const char *key, *salt, *info, *out;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
         "f0f1f2f3f4f5f6f7f8f9",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
         "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
         "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f"
         "909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
         "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
         "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
         "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t key[80], salt[80], info[80], out[82];
        str k = {(char *)key, unhex(cases[i].key, key)},
            s = {(char *)salt, unhex(cases[i].salt, salt)},
            f = {(char *)info, unhex(cases[i].info, info)};
        size_t n = strlen(cases[i].out) / 2;
        hkdf_sha256(k, s, f, out, n);
        assert_hex(out, n, cases[i].out);
    }
}

static void aes_seals_as_the_published_vectors_of_xaes_256_gcm(void **state)
{
    (void)state;
    static const struct {
        uint8_t byte;
        const char *bound, *sealed;
    } cases[] = {
        {1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
        {3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t key[SEAL_KEY], out[12 + SEAL_TAG], back[12];
        memset(key, cases[i].byte, sizeof key);
        CLEANUP_AEAD struct aead *a = aead_open(SEAL_AES, key);
        const uint8_t *nonce = (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWX";
        assert_true(aead_seal(a, nonce, str_of(cases[i].bound), (const uint8_t *)"XAES-256-GCM", 12,
                              out, out + 12));
        assert_hex(out, sizeof out, cases[i].sealed);
        assert_true(aead_unseal(a, nonce, str_of(cases[i].bound), out, 12, back, out + 12));
        assert_memory_equal(back, "XAES-256-GCM", 12);
    }
}

/* draft-irtf-cfrg-xchacha-03, A.3.1 */
static void chacha_seals_as_the_published_vector_of_xchacha20_poly1305(void **state)
{
    (void)state;
    static const char text[] =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    enum { N = sizeof text - 1 };
    uint8_t key[SEAL_KEY], nonce[SEAL_NONCE], bound[12], out[N + SEAL_TAG], back[N];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(0x80 + i);
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (uint8_t)(0x40 + i);
    str b = {(char *)bound, unhex("50515253c0c1c2c3c4c5c6c7", bound)};
    CLEANUP_AEAD struct aead *a = aead_open(SEAL_CHACHA, key);

    assert_true(aead_seal(a, nonce, b, (const uint8_t *)text, N, out, out + N));

    assert_hex(
        out, sizeof out,
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39"
        "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49");
    assert_true(aead_unseal(a, nonce, b, out, N, back, out + N));
    assert_memory_equal(back, text, N);
}

/* FIPS 197, C.3 */
static void a_block_is_aes_256(void **state)
{
    (void)state;
    uint8_t key[SEAL_KEY], block[16];
    unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", key);
    unhex("00112233445566778899aabbccddeeff", block);
    CLEANUP_AEAD struct aead *a = aead_open(SEAL_CHACHA, key);
    aead_block(a, true, block);
    assert_hex(block, 16, "8ea2b7ca516745bfeafc49904b496089");
    aead_block(a, false, block);
    assert_hex(block, 16, "00112233445566778899aabbccddeeff");
}

static void one_flipped_bit_anywhere_in_a_message_is_seen(void **state)
{
    struct cx *cx = *state;
    uint8_t key[SEAL_KEY] = {7}, other[SEAL_KEY] = {8};
    for (int c = SEAL_AES; c <= SEAL_CHACHA; c++) {
        seal_cipher_set((enum seal_cipher)c);
        str sealed = seal_bytes(cx->arena, key, S("row 7"), S("born on a Tuesday")), plain = {0};
        char *bent = arena_cstr(cx->arena, sealed);
        assert_int_equal(str_find(sealed, S("Tuesday")), -1);
        for (size_t bit = 0; bit < sealed.len * 8; bit++) {
            bent[bit / 8] = (char)(bent[bit / 8] ^ (1 << bit % 8));
            assert_false(
                seal_open_bytes(cx->arena, key, S("row 7"), (str){bent, sealed.len}, &plain));
            bent[bit / 8] = (char)(bent[bit / 8] ^ (1 << bit % 8));
        }
        for (size_t n = 0; n < sealed.len; n++)
            assert_false(seal_open_bytes(cx->arena, key, S("row 7"), (str){bent, n}, &plain));
        assert_false(seal_open_bytes(cx->arena, key, S("row 8"), sealed, &plain));
        assert_false(seal_open_bytes(cx->arena, other, S("row 7"), sealed, &plain));
        seal_cipher_set(0); /* the other kind of machine opens it too */
        assert_true(seal_open_bytes(cx->arena, key, S("row 7"), sealed, &plain));
        assert_str(plain, S("born on a Tuesday"));
    }
}

static void labels_part_keys(void **state)
{
    (void)state;
    uint8_t key[SEAL_KEY] = {1}, a[SEAL_KEY], b[SEAL_KEY], again[SEAL_KEY];
    seal_derive(key, "page", a);
    seal_derive(key, "wal", b);
    seal_derive(key, "page", again);
    assert_memory_equal(a, again, SEAL_KEY);
    assert_memory_not_equal(a, b, SEAL_KEY);
    assert_memory_not_equal(a, key, SEAL_KEY);
}

/* ---- streams -------------------------------------------------------------------------------- */

struct tape {
    uint8_t *p;
    size_t n, at, cap, step;
};

static bool tape_write(void *owner, const void *p, size_t n)
{
    struct tape *t = owner;
    if (t->n + n > t->cap)
        return false;
    memcpy(t->p + t->n, p, n);
    t->n += n;
    return true;
}

static ssize_t tape_read(void *owner, void *p, size_t n)
{
    struct tape *t = owner;
    size_t left = t->n - t->at, take = n < left ? n : left;
    if (t->step && take > t->step)
        take = t->step;
    memcpy(p, t->p + t->at, take);
    t->at += take;
    return (ssize_t)take;
}

static const uint8_t stream_key[SEAL_KEY] = {5, 5, 5};

static struct tape sealed(struct cx *cx, const uint8_t *text, size_t n, size_t piece)
{
    struct tape t = {.cap = n + n / 1000 + 4096};
    t.p = arena_alloc(cx->arena, t.cap, 1);
    struct seal_out *o = seal_out_open(stream_key, 3, SEAL_OF_BLOB, tape_write, &t);
    assert_non_null(o);
    for (size_t at = 0; at < n; at += piece)
        assert_true(seal_out_add(o, text + at, n - at < piece ? n - at : piece));
    assert_true(seal_out_end(o));
    seal_out_close(o);
    assert_int_equal(t.n, seal_size(n));
    return t;
}

/* Reads all; what came out must be a beginning of the text. */
static enum seal_state unsealed(struct tape *t, enum seal_kind kind, const uint8_t *text, size_t n,
                                size_t *got)
{
    struct seal_in *i = seal_in_open(kind, tape_read, t);
    uint8_t epoch = 0;
    t->at = 0;
    *got = 0;
    enum seal_state st = seal_in_head(i, &epoch);
    if (st == SEAL_GOOD) {
        seal_in_key(i, stream_key);
        str chunk;
        while ((st = seal_in_next(i, &chunk)) == SEAL_GOOD) {
            assert_true(*got + chunk.len <= n);
            assert_memory_equal(chunk.ptr, text + *got, chunk.len);
            *got += chunk.len;
        }
        assert_int_equal(seal_in_next(i, &chunk), st);
    }
    seal_in_close(i);
    return st;
}

static uint8_t *numbers(struct cx *cx, size_t n)
{
    uint64_t seed = 11;
    uint8_t *p = arena_alloc(cx->arena, n + 8, 1);
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = test_random(&seed);
        memcpy(p + i, &r, 8);
    }
    return p;
}

static void a_stream_of_any_length_comes_back_whole(void **state)
{
    struct cx *cx = *state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131071, 131072, 131073, 500000};
    uint8_t *text = numbers(cx, 500000);
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t piece = 1000; piece <= 200000; piece *= 20) {
            struct tape t = sealed(cx, text, sizes[i], piece);
            size_t got = 0;
            t.step = piece + 1;
            assert_int_equal(unsealed(&t, SEAL_OF_BLOB, text, sizes[i], &got), SEAL_END);
            assert_int_equal(got, sizes[i]);
        }
}

static void a_stream_that_lost_its_end_is_known_by_it(void **state)
{
    struct cx *cx = *state;
    uint8_t *text = numbers(cx, 200000);
    struct tape t = sealed(cx, text, 196608, 10000); /* three whole chunks */
    size_t whole = t.n, got = 0;
    for (t.n = 0; t.n < whole; t.n += t.n < 100 ? 1 : 7919)
        assert_int_not_equal(unsealed(&t, SEAL_OF_BLOB, text, 196608, &got), SEAL_END);
    t.n = SEAL_HEAD + 2 * (SEAL_CHUNK + SEAL_TAG); /* cut between two chunks */
    assert_int_equal(unsealed(&t, SEAL_OF_BLOB, text, 196608, &got), SEAL_CUT);
    t.n = SEAL_HEAD;
    assert_int_equal(unsealed(&t, SEAL_OF_BLOB, text, 196608, &got), SEAL_CUT);
    t.n = whole;
    t.p[t.n++] = 0; /* something behind the end */
    assert_int_equal(unsealed(&t, SEAL_OF_BLOB, text, 196608, &got), SEAL_DAMAGED);
}

static void chunks_of_a_stream_cannot_be_changed_or_moved(void **state)
{
    struct cx *cx = *state;
    enum { WHOLE = SEAL_CHUNK + SEAL_TAG };
    uint8_t *text = numbers(cx, 200000), *kept = arena_alloc(cx->arena, WHOLE, 1);
    struct tape t = sealed(cx, text, 200000, 10000), other = sealed(cx, text, 200000, 10000);
    size_t got = 0;
    for (size_t at = 0; at < t.n; at += at < SEAL_HEAD ? 1 : 4999) {
        t.p[at] ^= 4;
        enum seal_state st = unsealed(&t, SEAL_OF_BLOB, text, 200000, &got);
        /* The epoch only says where the key is; the tag of the first chunk covers it. */
        assert_true(st == SEAL_DAMAGED || (st == SEAL_UNKNOWN && at < 8));
        assert_int_equal(got, at < SEAL_HEAD ? 0 : (at - SEAL_HEAD) / WHOLE * SEAL_CHUNK);
        t.p[at] ^= 4;
    }
    memcpy(kept, t.p + SEAL_HEAD, WHOLE); /* two chunks change places */
    memcpy(t.p + SEAL_HEAD, t.p + SEAL_HEAD + WHOLE, WHOLE);
    memcpy(t.p + SEAL_HEAD + WHOLE, kept, WHOLE);
    assert_int_equal(unsealed(&t, SEAL_OF_BLOB, text, 200000, &got), SEAL_DAMAGED);
    memcpy(other.p + SEAL_HEAD, kept,
           WHOLE); /* the same text of another stream under the same key */
    assert_int_equal(unsealed(&other, SEAL_OF_BLOB, text, 200000, &got), SEAL_DAMAGED);
    assert_int_equal(unsealed(&other, SEAL_OF_BACKUP, text, 200000, &got), SEAL_UNKNOWN);
}

static void a_writer_that_fails_is_never_ended_well(void **state)
{
    struct cx *cx = *state;
    struct tape t = {.cap = 100000};
    t.p = arena_alloc(cx->arena, t.cap, 1);
    uint8_t *text = numbers(cx, 200000);
    struct seal_out *o = seal_out_open(stream_key, 0, SEAL_OF_BLOB, tape_write, &t);
    assert_false(seal_out_add(o, text, 200000));
    assert_false(seal_out_add(o, text, 1));
    assert_false(seal_out_end(o));
    seal_out_close(o);
    t.cap = 10;
    assert_null(seal_out_open(stream_key, 0, SEAL_OF_BLOB, tape_write, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_derived_as_rfc_5869_says),
        TEST(aes_seals_as_the_published_vectors_of_xaes_256_gcm),
        TEST(chacha_seals_as_the_published_vector_of_xchacha20_poly1305),
        TEST(a_block_is_aes_256),
        TEST(one_flipped_bit_anywhere_in_a_message_is_seen),
        TEST(labels_part_keys),
        TEST(a_stream_of_any_length_comes_back_whole),
        TEST(a_stream_that_lost_its_end_is_known_by_it),
        TEST(chunks_of_a_stream_cannot_be_changed_or_moved),
        TEST(a_writer_that_fails_is_never_ended_well),
    };
    return cmocka_run_group_tests_name("seal", tests, test_cx_open, test_cx_close);
}
