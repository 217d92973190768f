/* app/keep/desk.c - checks and backups at the server: conversations, each on a thread of its own. */
#include "app/keep/desk.h"
#include "app/keep/check.h"
#include "app/keep/copy.h"
#include "app/keep/held.h"
#include "messages.h"
#include "rooms/judge/judge.h"
#include "rooms/settings/settings.h"
#include <malloc.h>

enum { TELL_MS = 200 };

/* ---- what is said -------------------------------------------------------------------------- */

const char *const keep_verb_codes[KEEP_VERBS] = {"check", "backup", "release", "export",
                                                 "classify"};
static const char *const word_codes[WORD_KINDS] = {"step", "damage", "end"};
/* clang-format off */
static const struct field wish_fields[] = {
    FIELD_ENUM(struct keep_wish, verb, keep_verb_codes, .required = true),
    FIELD(struct keep_wish, repair),
    FIELD(struct keep_wish, to, .max_len = 4096),
};
static const struct shape wish_shape = SHAPE("keep_wish", struct keep_wish, wish_fields);
static const struct field line_fields[] = {
    FIELD_STRUCT(struct keep_line, keep, &wish_shape, .required = true),
};
const struct shape keep_line_shape = SHAPE("keep_line", struct keep_line, line_fields);
static const struct field word_fields[] = {
    FIELD_ENUM(struct keep_word, kind, word_codes),
    FIELD(struct keep_word, is_fine),
    FIELD(struct keep_word, part),
    FIELD(struct keep_word, code),
    FIELD(struct keep_word, text, .max_len = 4000, .multiline = true),
    FIELD(struct keep_word, done),
    FIELD(struct keep_word, total),
    FIELD(struct keep_word, rows),
    FIELD(struct keep_word, damages),
    FIELD(struct keep_word, mended),
    FIELD(struct keep_word, bytes),
    FIELD(struct keep_word, is_partial),
    FIELD(struct keep_word, digest),
    FIELD(struct keep_word, changed),
    FIELD(struct keep_word, leads),
};
const struct shape keep_word_shape = SHAPE("keep_word", struct keep_word, word_fields);
/* clang-format on */

/* ---- doing it --------------------------------------------------------------------------------- */

struct saying {
    struct keep_run *run;
    struct arena *arena;
    int64_t said_ns;
    bool is_heard;
};

static bool say_step(void *arg, const char *part, int64_t done, int64_t total)
{
    struct saying *s = arg;
    int64_t now = clock_mono_ns();
    if (now - s->said_ns < (int64_t)TELL_MS * 1000000)
        return s->is_heard;
    s->said_ns = now;
    struct keep_word w = {.kind = WORD_STEP, .part = str_of(part), .done = done, .total = total};
    s->is_heard = s->is_heard && s->run->say(s->run->arg, &w);
    return s->is_heard;
}

static void say_damage(void *arg, const struct fault *damage, bool is_mended)
{
    struct saying *s = arg;
    struct keep_word w = {.kind = WORD_DAMAGE,
                          .is_fine = is_mended,
                          .code = str_of(msg_name(damage->msg)),
                          .text = fault_text(s->arena, LANG_EN, damage)};
    s->is_heard = s->is_heard && s->run->say(s->run->arg, &w);
    arena_reset(s->arena);
}

static enum err do_check(struct keep_run *r, const struct keep_wish *w, struct saying *s,
                         struct keep_word *end)
{
    struct check_result found = {0};
    const struct check_wish wish = {.repairs = w->repair,
                                    .is_alone = r->is_alone,
                                    .data_dir = r->data_dir,
                                    .found = say_damage,
                                    .goes_on = say_step,
                                    .arg = s};
    enum err e = check_store(r->store, r->cx, &wish, &found);
    end->rows = found.rows;
    end->damages = found.damages;
    end->mended = found.mended;
    end->is_partial = found.is_partial;
    return e;
}

/* All records leave the house: that stands in the audit. */
static enum err taken_apply(struct cx *cx, void *wish)
{
    const struct keep_wish *w = wish;
    return audit_add(cx, w->verb == KEEP_BACKUP ? "backup" : "export.all", 0, 0, (str){0});
}

static enum err as_rows(struct keep_run *r, const struct keyring *ring, bool is_verified,
                        const struct copy_wish *wish, struct keep_word *end)
{
    struct move_figures f = {0};
    TRY(rows_make(r->cx, r->store, ring, r->data_dir, r->is_alone, is_verified, wish, &f));
    struct text hex = text_in(r->cx->arena, 80);
    for (size_t i = 0; i < 32; i++)
        text_printf(&hex, "%02x", f.digest[i]);
    end->rows = f.rows;
    end->bytes = f.bytes;
    end->digest = text_str(&hex);
    return OK;
}

/* The Security page asks for the age of the last one. */
static enum err noted_apply(struct cx *cx, void *to)
{
    TRY(settings_set(cx, "backup_verified",
                     arena_printf(cx->arena, "%lld", (long long)clock_now_ms())));
    return settings_set(cx, "backup_place", *(const str *)to);
}

static enum err do_copy(struct keep_run *r, const struct keep_wish *w, struct saying *s,
                        struct keep_word *end)
{
    const struct keyring *ring = store_ring(r->store);
    const struct copy_wish wish = {arena_cstr(r->cx->arena, w->to), say_step, s};
    bool is_backup = w->verb == KEEP_BACKUP;
    TRY(db_change(r->store, r->cx, LANE_INTERACTIVE, taken_apply, (void *)(uintptr_t)w));
    enum err e = is_backup && !store_is_postgres(r->store)
                     ? copy_make(r->cx, r->store, ring, &wish, &end->bytes, &end->done)
                     : as_rows(r, ring, is_backup, &wish, end);
    str to = w->to;
    return e == OK && is_backup ? db_change(r->store, r->cx, LANE_BULK, noted_apply, &to) : e;
}

static enum err release_apply(struct cx *cx, void *data_dir)
{
    return held_release(cx, *(str *)data_dir);
}

static enum err do_release(struct keep_run *r, const struct keep_wish *w, struct saying *s,
                           struct keep_word *end)
{
    (void)w;
    (void)s;
    bool was_held = false;
    TRY(sending_is_held(r->cx, &was_held));
    end->done = was_held;
    return db_change(r->store, r->cx, LANE_INTERACTIVE, release_apply, &r->data_dir);
}

static bool say_judged(void *arg, int64_t done, int64_t total)
{
    return say_step(arg, "customers", done, total);
}

static enum err do_classify(struct keep_run *r, const struct keep_wish *w, struct saying *s,
                            struct keep_word *end)
{
    (void)w;
    struct judge_pass p = {.goes_on = say_judged, .arg = s};
    struct text t = text_in(r->cx->arena, 1024);
    TRY(judge_everybody(r->store, r->cx, &p));
    for (int c = 0; c <= CLASSES; c++)
        text_printf(&t, "%s%s %lld", c ? " " : "", c < CLASSES ? class_codes[c] : "none",
                    (long long)p.leads[c]);
    end->rows = p.customers;
    end->changed = p.changed;
    end->done = p.seconds_ms;
    end->leads = text_str(&t);
    return OK;
}

void keep_carry_out(struct keep_run *r, const struct keep_wish *w)
{
    static enum err (*const doers[KEEP_VERBS])(struct keep_run *, const struct keep_wish *,
                                               struct saying *, struct keep_word *) = {
        [KEEP_CHECK] = do_check,
        [KEEP_BACKUP] = do_copy,
        [KEEP_RELEASE] = do_release,
        [KEEP_EXPORT] = do_copy,
        [KEEP_CLASSIFY] = do_classify};
    struct saying s = {.run = r, .arena = arena_open((size_t)1 << 20), .is_heard = true};
    struct keep_word end = {.kind = WORD_END};
    enum err e =
        s.arena ? doers[w->verb](r, w, &s, &end) : fault(r->cx, ERR_INTERNAL, M_STORE_FAILED);
    end.is_fine = e == OK;
    if (e != OK)
        end.text =
            r->cx->why.msg ? fault_text(r->cx->arena, LANG_EN, &r->cx->why) : str_of(err_code(e));
    (void)r->say(r->arg, &end);
    arena_close(s.arena);
    /* The pages that a check or a trial restore kept, 64 MB and more, go back to the machine. */
    malloc_trim(0);
}

/* ---- conversations ------------------------------------------------------------------------------ */

static bool say_there(void *talk, const struct keep_word *w)
{
    return talk_say(talk, &keep_word_shape, w);
}

static enum err talk_read(struct talk *t, str line)
{
    return json_read(&t->cx, &keep_line_shape, line, t->wish, NULL);
}

static void talk_carry_out(struct talk *t)
{
    struct keep_run r = {.store = t->house->store,
                         .cx = &t->cx,
                         .data_dir = t->house->data_dir,
                         .say = say_there,
                         .arg = t};
    keep_carry_out(&r, &((const struct keep_line *)t->wish)->keep);
}

static void talk_refuse(struct talk *t, str why)
{
    (void)say_there(t, &(struct keep_word){.kind = WORD_END, .text = why});
}

const struct talk_kind keep_talk = {sizeof(struct keep_line),
                                    (size_t)32 << 20,
                                    2,
                                    "the server is at another check or backup just now",
                                    talk_read,
                                    talk_carry_out,
                                    talk_refuse};
