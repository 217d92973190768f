/* rooms/evidence/evidence.c - reads what was written since the last time, keeps what was found, and counts what of it the last
 * 180 days hold. */
#include "rooms/evidence/inside.h"

const char *const evidence_codes[EVIDENCE_N] = {
    "discount_asked",  "promise_more",   "competitor_named", "price_remark",
    "colleague_asked", "referral_given", "aggressive",       "hurry",
    "question",        "off_matter",     "impression"};
const char *const impression_codes[IMPRESSION_N] = {
    "", "regular", "chatty", "freeloader", "time_eater", "interested", "company"};

enum {
    TEXTS = 50, /* read at a time … */
    ROUNDS = 4, /* … so often in one turn: a long history is read in several */
    CALLS = 200,
    SLICE = 25,
    HOLD_NS = 4000000, /* so long a slice goes on: the writer is for others too */
    NUMBERS_MAX = 20
};
/* A row may be committed a little after younger ones, of other nodes with clocks of their own also later: this much is read
 * again, which changes nothing. */
static int64_t overlap_ms(struct cx *cx)
{
    return db_is_postgres(cx) ? 10 * 60 * 1000 : 60 * 1000;
}
static const int64_t DAY_MS = 86400000;
static const size_t READ_BYTES = (size_t)6 << 20; /* of rows in hand; the rest has its next time */
static const size_t WORDS_BYTES = (size_t)4
                                  << 20; /* a text of 8,000 letters needs some hundred KB */

struct text_row {
    int64_t id;
    customer_id customer;
    int64_t interaction, at, by_staff;
    str subject, text;
};
struct call_row {
    struct text_row text;
    int64_t closed;
};
struct count_row {
    int64_t customer;
    int kind;
    int64_t n, oldest;
};
struct id_row {
    int64_t id;
};
struct known_row {
    int64_t source;
    int kind;
};
/* clang-format off */
static const struct field text_fields[] = {
    FIELD(struct text_row, id), FIELD_AS(struct text_row, customer, "customer_id"), FIELD_AS(struct text_row, interaction, "interaction_id"),
    FIELD_AS(struct text_row, at, "at_ms"), FIELD(struct text_row, by_staff), FIELD(struct text_row, subject), FIELD(struct text_row, text),
};
static const struct shape evidence_text_shape = SHAPE("evidence_text", struct text_row, text_fields);
static const struct field call_fields[] = {
    FIELD_AS(struct call_row, text.id, "id"), FIELD_AS(struct call_row, text.customer, "customer_id"),
    FIELD_AS(struct call_row, text.interaction, "interaction_id"), FIELD_AS(struct call_row, text.at, "at_ms"),
    FIELD_AS(struct call_row, text.by_staff, "by_staff"), FIELD_AS(struct call_row, text.subject, "subject"),
    FIELD_AS(struct call_row, text.text, "text"), FIELD_AS(struct call_row, closed, "wrapped_ms"),
};
static const struct shape evidence_call_shape = SHAPE("evidence_call", struct call_row, call_fields);
static const struct field count_fields[] = {
    FIELD_AS(struct count_row, customer, "customer_id"), FIELD_ENUM(struct count_row, kind, evidence_codes), FIELD(struct count_row, n),
    FIELD_AS(struct count_row, oldest, "oldest_ms"),
};
static const struct shape evidence_count_shape = SHAPE("evidence_count", struct count_row, count_fields);
static const struct field colleague_fields[] = {FIELD(struct colleague, id), FIELD(struct colleague, name)};
static const struct shape evidence_colleague_shape = SHAPE("evidence_colleague", struct colleague, colleague_fields);
static const struct field known_fields[] = {
    FIELD_AS(struct known_row, source, "source_id"), FIELD_ENUM(struct known_row, kind, evidence_codes),
};
static const struct shape evidence_known_shape = SHAPE("evidence_known", struct known_row, known_fields);
static const struct field root_fields[] = {FIELD_AS(struct id_row, id, "customer_id")};
static const struct shape evidence_root_shape = SHAPE("evidence_root", struct id_row, root_fields);
/* clang-format on */

static int64_t since(const struct cx *cx)
{
    return cx->now_ms - EVIDENCE_DAYS * DAY_MS;
}

enum err trait_of(struct cx *cx, customer_id any, struct trait *out)
{
    *out = (struct trait){0};
    enum err e = db_one(cx, &q_trait_of_any, &trait_row_shape, out, ARGS(V(any)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_CUSTOMER_UNKNOWN) : e;
}

/* ---- counting ------------------------------------------------------------------------------ */

static enum err latest_of(struct cx *cx, const struct list *ids, int kind,
                          struct evidence_line *out)
{
    *out = (struct evidence_line){0};
    enum err e = db_one(cx, &q_evidence_newest_of, &evidence_row_shape, out,
                        ARGS(val_ints(ids->items, ids->n), V(since(cx)), V(evidence_codes[kind])));
    return e == ERR_NOT_FOUND ? OK : e;
}

static int impression_of(str code)
{
    for (int i = 1; i < IMPRESSION_N; i++)
        if (str_eq(code, str_of(impression_codes[i])))
            return i;
    return IMPRESSION_NONE;
}

static enum err put(struct cx *cx, const struct trait *t)
{
    const int64_t *n = t->counts;
    return db_run(cx, &q_trait_put,
                  ARGS(V(t->id), V(n[EVIDENCE_DISCOUNT_ASKED]), V(n[EVIDENCE_PROMISE_MORE]),
                       V(n[EVIDENCE_COMPETITOR_NAMED]), V(n[EVIDENCE_PRICE_REMARK]),
                       V(n[EVIDENCE_COLLEAGUE_ASKED]), V(n[EVIDENCE_REFERRAL_GIVEN]),
                       V(n[EVIDENCE_AGGRESSIVE]), V(n[EVIDENCE_HURRY]), V(n[EVIDENCE_QUESTION]),
                       V(n[EVIDENCE_OFF_MATTER]), V(t->colleague),
                       V(impression_codes[t->impression]), V(t->impression_by), V(t->impression_at),
                       V(t->due_at), V(t->read_id), V(t->read_ms), V(t->n_ids)));
}

/* The counts of a record out of the rows of several. Who was asked for and the impression are read where there is one. */
static enum err count(struct cx *cx, customer_id root, const struct list *ids,
                      const struct list *rows, struct trait *t, bool *is_moved)
{
    struct trait was = *t;
    struct evidence_line line;
    const struct count_row *c = rows->items;
    const int64_t *id = ids->items;
    int64_t oldest = 0, n_of[EVIDENCE_N] = {0};
    for (size_t i = 0; i < ids->n; i++)
        for (size_t k = row_from(rows, sizeof *c, id[i]); k < rows->n && c[k].customer == id[i];
             k++) {
            n_of[c[k].kind] += c[k].n;
            if (oldest == 0 || c[k].oldest < oldest)
                oldest = c[k].oldest;
        }
    memcpy(t->counts, n_of, sizeof t->counts);
    t->id = root;
    t->colleague.v = t->impression_by.v = t->impression_at.ms = t->impression = 0;
    if (n_of[EVIDENCE_COLLEAGUE_ASKED]) {
        TRY(latest_of(cx, ids, EVIDENCE_COLLEAGUE_ASKED, &line));
        t->colleague = line.staff.id;
    }
    if (n_of[EVIDENCE_IMPRESSION]) {
        TRY(latest_of(cx, ids, EVIDENCE_IMPRESSION, &line));
        t->impression = impression_of(line.phrase);
        t->impression_by = line.staff.id;
        t->impression_at = line.at;
    }
    /* What is dated ahead counts, and falls out in its time. */
    t->due_at.ms = oldest ? oldest + EVIDENCE_DAYS * DAY_MS + 1 : 0;
    *is_moved = memcmp(was.counts, t->counts, sizeof was.counts) != 0 ||
                was.colleague.v != t->colleague.v || was.impression != t->impression ||
                was.impression_by.v != t->impression_by.v ||
                was.impression_at.ms != t->impression_at.ms;
    return OK;
}

/* ---- what this house adds to the lists -------------------------------------------------------------- */

enum err competitors_read(struct cx *cx, struct str_list *out)
{
    str all = {0};
    TRY(settings_get(cx, "competitors", &all));
    *out = (struct str_list){ARENA_ARRAY(cx->arena, COMPETITORS_MAX, str), 0};
    while (all.len && out->n < COMPETITORS_MAX)
        out->items[out->n++] = str_cut(&all, '\n');
    return OK;
}

static enum err house_read(struct cx *cx, struct house_words *out)
{
    struct str_list names = {0};
    TRY(competitors_read(cx, &names));
    for (size_t i = 0; i < names.n; i++)
        names.items[i] = text_fold(cx->arena, names.items[i]);
    *out = (struct house_words){.competitors = {names.items, names.n}};
    return OK;
}

/* ---- questions that met no word of ours ---------------------------------------------------------------- */

/* Words with a digit: numbers of orders look so. As written and in capitals. */
static size_t numbers_of(struct arena *a, str question, str *out)
{
    size_t n = 0;
    while (question.len && n + 2 <= NUMBERS_MAX) {
        str word = str_cut(&question, ' ');
        bool has_digit = false;
        while (word.len && !is_digit(word.ptr[0]) && !(word.ptr[0] >= 'a' && word.ptr[0] <= 'z'))
            word = (str){word.ptr + 1, word.len - 1};
        char *up = arena_cstr(a, word);
        for (size_t i = 0; i < word.len; i++) {
            has_digit = has_digit || is_digit(word.ptr[i]);
            if (up[i] >= 'a' && up[i] <= 'z')
                up[i] = (char)(up[i] - 32);
        }
        if (!has_digit || word.len < 3)
            continue;
        out[n++] = word;
        out[n++] = (str){up, word.len};
    }
    return n;
}

static enum err is_of_the_matter(struct cx *cx, str question, bool *out)
{
    str numbers[NUMBERS_MAX];
    size_t n = numbers_of(cx->arena, question, numbers);
    int64_t id = 0;
    *out = false;
    if (n) {
        enum err e = db_int(cx, &q_evidence_order_named, &id, ARGS(val_texts(numbers, n)));
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
        *out = e == OK;
    }
    return *out ? OK : product_is_named(cx, question, out);
}

/* What was found in a text. */
struct finding {
    customer_id customer;
    int kind;
    int64_t at, source, interaction, staff;
    str phrase;
    int64_t weight;
    struct finding *next;
};
struct evidence_found {
    struct trait was, is; /* is: how far it was read, not what it counts */
    struct list ids;      /* of the record */
    struct finding *first;
    bool is_other; /* merged or parted since: all was read anew */
    bool is_due;   /* something falls out */
    bool is_put;   /* a row must be written */
    bool is_more;
};

/* Who reads, one text after the other. */
struct reading {
    struct house_words house;
    struct arena *words; /* what one text comes apart into */
    bool has_house;
};

/* A record in hand. */
struct walk {
    struct reading *by;
    struct list ids;
    struct finding *first, **last;
    size_t n_calls, n_texts;
    bool is_more;
};

/* ---- one text ---------------------------------------------------------------------------------------------- */

/* A piece of evidence in a text; it outlives the text. */
static void keep(struct walk *w, struct arena *outer, const struct text_row *t, struct finding f)
{
    f.customer = t->customer;
    f.at = t->at;
    f.source = t->id;
    f.interaction = t->interaction;
    f.phrase = arena_str(outer, f.phrase);
    struct finding *kept = ARENA_NEW(outer, struct finding);
    *kept = f;
    *w->last = kept;
    w->last = &kept->next;
}

/* What outlives the text goes into `outer`. */
static enum err read_text(struct cx *cx, const struct text_row *t, struct walk *walk,
                          struct arena *outer)
{
    struct words_read w;
    struct arena *own = cx->arena;
    struct house_words *house = &walk->by->house;
    words_read(own, t->subject, t->text, t->by_staff, house, &w);
    if (w.asks && !house->colleagues.n) {
        cx->arena = outer;
        enum err e = db_all(cx, &q_evidence_colleagues, &evidence_colleague_shape,
                            &house->colleagues, NO_ARGS);
        cx->arena = own;
        TRY(e);
        words_read(own, t->subject, t->text, t->by_staff, house, &w);
    }
    const struct said *s = w.said.items;
    for (size_t i = 0; i < w.said.n; i++)
        keep(walk, outer, t,
             (struct finding){
                 .kind = s[i].kind, .phrase = s[i].phrase, .staff = s[i].colleague.v, .weight = 1});
    int64_t off = 0;
    for (size_t i = 0; i < w.open.n; i++) {
        bool is_matter = false;
        TRY(is_of_the_matter(cx, ((const str *)w.open.items)[i], &is_matter));
        off += !is_matter;
    }
    if (w.questions)
        keep(walk, outer, t, (struct finding){.kind = EVIDENCE_QUESTION, .weight = w.questions});
    if (off)
        keep(walk, outer, t, (struct finding){.kind = EVIDENCE_OFF_MATTER, .weight = off});
    return OK;
}

/* ---- a record ------------------------------------------------------------------------------------------------ */

static enum err read_one(struct cx *cx, struct walk *w, const struct text_row *t)
{
    struct reading *by = w->by;
    if (!by->has_house) {
        TRY(house_read(cx, &by->house));
        by->has_house = true;
    }
    if (!by->words && !(by->words = arena_open(WORDS_BYTES)))
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    struct arena *outer = cx->arena;
    cx->arena = by->words;
    enum err e = read_text(cx, t, w, outer);
    cx->arena = outer;
    if (e != OK)
        fault_keep(outer, &cx->why);
    arena_reset(by->words);
    w->n_texts++;
    return e;
}

static enum err read_rows(struct cx *cx, struct walk *w, const void *rows, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++)
        TRY(read_one(cx, w, (const void *)((const char *)rows + i * size)));
    return OK;
}

/* All of one table behind *after, or so much that the next time goes on from there. */
static enum err read_table(struct cx *cx, struct walk *w, const struct query *q, struct list rows,
                           int64_t *after, bool *is_end)
{
    *is_end = false;
    for (int i = 0; i < ROUNDS && !*is_end && (i == 0 || arena_used(cx->arena) < READ_BYTES); i++) {
        const struct text_row *t = rows.items;
        TRY(read_rows(cx, w, t, rows.n, sizeof *t));
        if (rows.n)
            *after = t[rows.n - 1].id;
        *is_end = rows.n < TEXTS;
        if (!*is_end)
            TRY(db_all(cx, q, &evidence_text_shape, &rows,
                       ARGS(val_ints(w->ids.items, w->ids.n), V(since(cx)), V(*after),
                            V((int64_t)TEXTS))));
    }
    return OK;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static enum err read_all(struct cx *cx, struct walk *w, struct trait *t)
{
    int64_t messages = t->read_id, notes = t->read_id;
    bool goes_back = t->read_ms > cx->now_ms; /* the clock did */
    int64_t closed = goes_back || !t->read_ms ? 0 : t->read_ms - overlap_ms(cx);
    struct list m = {0}, n = {0}, k = {0};
    struct val ids = val_ints(w->ids.items, w->ids.n);
    bool is_m = false, is_n = false;
    struct db_read reads[] = {{.q = &q_evidence_messages,
                               .shape = &evidence_text_shape,
                               .out = &m,
                               .args = ARGS(ids, V(since(cx)), V(messages), V((int64_t)TEXTS))},
                              {.q = &q_evidence_notes,
                               .shape = &evidence_text_shape,
                               .out = &n,
                               .args = ARGS(ids, V(since(cx)), V(notes), V((int64_t)TEXTS))},
                              {.q = &q_evidence_calls,
                               .shape = &evidence_call_shape,
                               .out = &k,
                               .args = ARGS(ids, V(since(cx)), V(closed), V((int64_t)CALLS))}};
    TRY(db_batch(cx, reads, COUNT(reads)));
    TRY(read_table(cx, w, &q_evidence_messages, m, &messages, &is_m));
    TRY(read_table(cx, w, &q_evidence_notes, n, &notes, &is_n));
    TRY(read_rows(cx, w, k.items, k.n, sizeof(struct call_row)));
    w->n_calls = k.n;
    /* Where one table was not read to its end the next time begins there; else a little before the newest. */
    if (is_m && is_n)
        t->read_id = larger(t->read_id, larger(messages, notes) - (overlap_ms(cx) << 22));
    else
        t->read_id = is_m ? notes : is_n || messages < notes ? messages : notes;
    int64_t was_ms = t->read_ms;
    t->read_ms = k.n < CALLS ? cx->now_ms : ((const struct call_row *)k.items)[k.n - 1].closed;
    w->is_more = !is_m || !is_n || (k.n == CALLS && t->read_ms > was_ms);
    return OK;
}

/* Others of the record answer for nobody: what was counted under them is counted under the root. */
static enum err drop_others(struct cx *cx, customer_id root, const struct list *ids)
{
    int64_t *others = ARENA_ARRAY(cx->arena, ids->n + 1, int64_t);
    size_t n = 0;
    for (size_t i = 0; i < ids->n; i++)
        if (((const int64_t *)ids->items)[i] != root.v)
            others[n++] = ((const int64_t *)ids->items)[i];
    return n ? db_run(cx, &q_trait_drop, ARGS(val_ints(others, n))) : OK;
}

static int by_source(const void *a, const void *b)
{
    const struct known_row *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

/* What stands there already of these texts, in order. */
static enum err known_of(struct cx *cx, int64_t *sources, size_t n, struct list *out)
{
    enum { AT_ONCE = 500 };
    struct known_row *all = ARENA_ARRAY(cx->arena, n * EVIDENCE_N + 1, struct known_row);
    size_t n_all = 0;
    for (size_t from = 0; from < n; from += AT_ONCE) {
        struct list known = {0};
        size_t some = n - from < AT_ONCE ? n - from : AT_ONCE;
        TRY(db_all(cx, &q_evidence_known, &evidence_known_shape, &known,
                   ARGS(val_ints(sources + from, some))));
        if (known.n)
            memcpy(all + n_all, known.items, known.n * sizeof *all);
        n_all += known.n;
    }
    qsort(all, n_all, sizeof *all, by_source);
    *out = (struct list){all, n_all};
    return OK;
}

static size_t sources_of(const struct walk *w, int64_t *out)
{
    size_t n = 0;
    for (const struct finding *f = w->first; f; f = f->next)
        if (n == 0 || out[n - 1] != f->source)
            out[n++] = f->source;
    return n;
}

/* What the overlap brought again is there already: it is nothing to write. */
static enum err drop_known(struct cx *cx, struct walk *const *w, size_t n)
{
    struct list known = {0};
    size_t n_findings = 0, n_sources = 0;
    for (size_t i = 0; i < n; i++)
        for (const struct finding *f = w[i]->first; f; f = f->next)
            n_findings++;
    if (n_findings == 0)
        return OK;
    int64_t *sources = ARENA_ARRAY(cx->arena, n_findings + 1, int64_t);
    for (size_t i = 0; i < n; i++)
        n_sources += sources_of(w[i], sources + n_sources);
    TRY(known_of(cx, sources, n_sources, &known));
    for (size_t i = 0; i < n; i++)
        for (struct finding **at = &w[i]->first; *at;) {
            struct known_row key = {(*at)->source, (*at)->kind};
            bool is = known.n && bsearch(&key, known.items, known.n, sizeof key, by_source);
            if (is)
                *at = (*at)->next;
            else
                at = &(*at)->next;
        }
    return OK;
}

static void words_closed(struct reading *r)
{
    arena_close(r->words);
}

static void begin_with(struct evidence_found *f, customer_id root, const struct walk *w)
{
    f->is = f->was;
    f->is.id = root;
    f->is_other = f->was.n_ids != (int64_t)w->ids.n && (f->was.n_ids || w->ids.n > 1);
    if (f->is_other)
        f->is.read_id = f->is.read_ms = 0;
}

/* Else what is there is not counted for him. */
static bool may_be_known(const struct evidence_found *f)
{
    return f->was.read_id && !f->is_other;
}

/* How far he was read is worth a row only where it spares reading: a few texts that say nothing are as soon read again. */
static void end_with(struct cx *cx, struct evidence_found *f, const struct walk *w)
{
    enum { FEW = 4 };
    struct trait *t = &f->is;
    t->n_ids = (int64_t)w->ids.n;
    f->ids = w->ids;
    f->first = w->first;
    f->is_more = w->is_more;
    f->is_due = t->due_at.ms && t->due_at.ms <= cx->now_ms;
    bool is_further = t->read_id != f->was.read_id || w->n_calls;
    f->is_put = f->first || f->is_other || f->is_due || f->is_more ||
                (is_further && (f->was.read_id || w->n_texts > FEW));
}

enum err evidence_read(struct cx *cx, customer_id any, struct evidence_found **out)
{
    CLEANUP(words_closed) struct reading by = {0};
    struct walk w = {.by = &by, .last = &w.first}, *one = &w;
    struct evidence_found *f = ARENA_NEW(cx->arena, struct evidence_found);
    customer_id root;
    *out = f;
    TRY(customer_root(cx, any, &root, &w.ids));
    TRY(trait_of(cx, root, &f->was));
    begin_with(f, root, &w);
    TRY(read_all(cx, &w, &f->is));
    if (may_be_known(f))
        TRY(drop_known(cx, &one, 1));
    end_with(cx, f, &w);
    return OK;
}

/* ---- several records together ------------------------------------------------------------------------- */

struct whose {
    int64_t id;
    size_t at; /* of the record among them */
};
static int by_id(const void *a, const void *b)
{
    int64_t x = ((const struct whose *)a)->id, y = ((const struct whose *)b)->id;
    return (x > y) - (x < y);
}

struct together {
    const struct evidence_ask *asks;
    size_t n, n_whose, n_scanned, n_told;
    struct evidence_found **found;
    struct walk *walks;
    struct whose *whose; /* by id */
    int64_t *scanned, *told;
    bool *is_scanned;
    int64_t *newest;
};

/* How far he was read lies a little before the newest text that was read, and that one was written while events were followed. */
static bool may_be_told(struct cx *cx, const struct evidence_ask *k, const struct evidence_found *f,
                        int64_t followed_ms)
{
    return k->is_told && !f->is_other && f->was.read_id &&
           id_ms(f->was.read_id) + overlap_ms(cx) > followed_ms;
}

/* Who they are, how far each was read, and how the rest of each is found. */
static enum err meet(struct cx *cx, struct together *g, int64_t followed_ms, bool *is_too_much)
{
    int64_t roots[EVIDENCE_TOGETHER];
    struct list ids[EVIDENCE_TOGETHER], traits = {0};
    size_t n_ids = 0, n_told = 0;
    for (size_t i = 0; i < g->n; i++) {
        roots[i] = g->asks[i].root.v;
        n_told += g->asks[i].n_told;
    }
    TRY(customers_ids(cx, roots, g->n, ids));
    TRY(db_all(cx, &q_trait_many, &trait_row_shape, &traits, ARGS(val_ints(roots, g->n))));
    for (size_t i = 0; i < g->n; i++)
        n_ids += ids[i].n;
    g->walks = ARENA_ARRAY(cx->arena, g->n + 1, struct walk);
    g->whose = ARENA_ARRAY(cx->arena, n_ids + 1, struct whose);
    g->scanned = ARENA_ARRAY(cx->arena, n_ids + 1, int64_t);
    g->told = ARENA_ARRAY(cx->arena, n_told + 1, int64_t);
    g->is_scanned = ARENA_ARRAY(cx->arena, g->n + 1, bool);
    g->newest = ARENA_ARRAY(cx->arena, g->n + 1, int64_t);
    const struct trait *t = traits.items;
    for (size_t i = 0, at = 0; i < g->n; i++) {
        struct walk *w = &g->walks[i];
        *w = (struct walk){.ids = ids[i], .last = &w->first};
        g->found[i] = NULL;
        g->is_scanned[i] = false;
        g->newest[i] = 0;
        while (at < traits.n && t[at].id.v < roots[i])
            at++;
        if (ids[i].n == 0 || at == traits.n || t[at].id.v != roots[i])
            continue;
        struct evidence_found *f = g->found[i] = ARENA_NEW(cx->arena, struct evidence_found);
        *f = (struct evidence_found){.was = t[at]};
        begin_with(f, (customer_id){roots[i]}, w);
        if (f->is_other ||
            f->was.read_ms > cx->now_ms) /* from the beginning; the clock went back */
            *is_too_much = true;
        g->is_scanned[i] = !may_be_told(cx, &g->asks[i], f, followed_ms);
        for (size_t k = 0; k < ids[i].n; k++) {
            int64_t id = ((const int64_t *)ids[i].items)[k];
            g->whose[g->n_whose++] = (struct whose){id, i};
            if (g->is_scanned[i])
                g->scanned[g->n_scanned++] = id;
        }
        for (size_t k = 0; !g->is_scanned[i] && k < g->asks[i].n_told; k++)
            g->told[g->n_told++] = g->asks[i].told[k];
    }
    qsort(g->whose, g->n_whose, sizeof *g->whose, by_id);
    return OK;
}

static int by_text(const void *a, const void *b)
{
    int64_t x = ((const struct text_row *)a)->id, y = ((const struct text_row *)b)->id;
    return (x > y) - (x < y);
}

static enum err read_theirs(struct cx *cx, struct together *g, struct reading *by,
                            const struct list *rows, bool is_call)
{
    struct text_row *t = rows->items;
    if (rows->n)
        qsort(t, rows->n, sizeof *t, by_text);
    for (size_t i = 0; i < rows->n; i++) {
        struct whose key = {.id = t[i].customer.v};
        const struct whose *k = bsearch(&key, g->whose, g->n_whose, sizeof key, by_id);
        if (!k)
            continue;
        struct walk *w = &g->walks[k->at];
        w->by = by;
        w->n_calls += is_call;
        if (!is_call)
            g->newest[k->at] = larger(g->newest[k->at], t[i].id);
        TRY(read_one(cx, w, &t[i]));
    }
    return OK;
}

static enum err read_together(struct cx *cx, struct together *g, struct reading *by,
                              bool *is_too_much)
{
    enum { MOST = 240 }; /* as the queries say */
    struct list messages = {0}, notes = {0}, calls = {0}, told = {0};
    struct val ids = val_ints(g->scanned, g->n_scanned);
    const struct args texts = ARGS(ids, V(since(cx))),
                      closed = ARGS(ids, V(since(cx)), V(overlap_ms(cx))),
                      named = ARGS(val_ints(g->told, g->n_told), V(since(cx)));
    struct db_read reads[4];
    size_t n = 0;
    if (g->n_scanned) {
        reads[n++] = (struct db_read){
            &q_evidence_messages_of, &evidence_text_shape, false, &messages, texts, false};
        reads[n++] = (struct db_read){
            &q_evidence_notes_of, &evidence_text_shape, false, &notes, texts, false};
        reads[n++] = (struct db_read){
            &q_evidence_calls_of, &evidence_text_shape, false, &calls, closed, false};
    }
    if (g->n_told)
        reads[n++] = (struct db_read){
            &q_evidence_messages_told, &evidence_text_shape, false, &told, named, false};
    if (n)
        TRY(db_batch(cx, reads, n));
    *is_too_much = messages.n == MOST || notes.n == MOST || calls.n == MOST || told.n == MOST;
    if (*is_too_much)
        return OK;
    TRY(read_theirs(cx, g, by, &messages, false));
    TRY(read_theirs(cx, g, by, &notes, false));
    TRY(read_theirs(cx, g, by, &calls, true));
    return read_theirs(cx, g, by, &told, false);
}

enum err evidence_read_many(struct cx *cx, const struct evidence_ask *asks, size_t n,
                            int64_t followed_ms, struct evidence_found **out, bool *is_too_much)
{
    CLEANUP(words_closed) struct reading by = {0};
    struct together g = {.asks = asks, .n = n, .found = out};
    assert(n <= EVIDENCE_TOGETHER);
    *is_too_much = false;
    TRY(meet(cx, &g, followed_ms, is_too_much));
    if (!*is_too_much)
        TRY(read_together(cx, &g, &by, is_too_much));
    if (*is_too_much)
        return OK;
    struct walk **known = ARENA_ARRAY(cx->arena, n + 1, struct walk *);
    size_t n_known = 0;
    for (size_t i = 0; i < n; i++)
        if (out[i] && may_be_known(out[i]))
            known[n_known++] = &g.walks[i];
    TRY(drop_known(cx, known, n_known));
    for (size_t i = 0; i < n; i++) {
        struct evidence_found *f = out[i];
        if (!f)
            continue;
        /* What events told of leaves the place where it is up to which all was read: the next look finds it there again. */
        if (g.is_scanned[i] && g.newest[i])
            f->is.read_id = larger(f->is.read_id, g.newest[i] - (overlap_ms(cx) << 22));
        if (g.is_scanned[i])
            f->is.read_ms = cx->now_ms;
        end_with(cx, f, &g.walks[i]);
    }
    return OK;
}

bool evidence_is_more(const struct evidence_found *f)
{
    return f->is_more;
}

size_t evidence_rows(const struct evidence_found *f)
{
    size_t n = f->is_put;
    for (const struct finding *k = f->first; k; k = k->next)
        n++;
    return n;
}

bool evidence_is_news(const struct evidence_found *f)
{
    return f->first || f->is_other || f->is_due;
}

/* How far a record was read goes on by one reading at a time: who comes second begins anew where the first one stood. */
static bool is_read_by_another(const struct trait *now, const struct trait *then)
{
    return now->read_id != then->read_id || now->read_ms != then->read_ms ||
           now->n_ids != then->n_ids;
}

/* How they stand now; who does not stand as he was read is stale. */
static enum err stand(struct cx *cx, struct evidence_writing *w, size_t n, struct trait *now)
{
    int64_t *roots = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    struct list rows = {0};
    size_t n_put = 0, at = 0;
    for (size_t i = 0; i < n; i++) {
        w[i].has_changed = w[i].is_stale = false;
        if (w[i].found->is_put)
            roots[n_put++] = w[i].found->is.id.v;
    }
    if (n_put)
        TRY(db_all(cx, &q_trait_of_roots, &trait_row_shape, &rows, ARGS(val_ints(roots, n_put))));
    const struct trait *t = rows.items;
    for (size_t i = 0; i < n; i++) {
        const struct evidence_found *f = w[i].found;
        if (!f->is_put)
            continue;
        while (at < rows.n && t[at].id.v < f->is.id.v)
            at++;
        bool is_there = at < rows.n && t[at].id.v == f->is.id.v;
        w[i].is_stale = !is_there || is_read_by_another(&t[at], &f->was);
        if (is_there)
            now[i] = t[at];
    }
    return OK;
}

static enum err put_findings(struct cx *cx, const struct evidence_found *f)
{
    if (f->is_other)
        TRY(drop_others(cx, f->is.id, &f->ids));
    for (const struct finding *k = f->first; k; k = k->next) {
        /* One that is dated ahead of the clock would count for longer than it may. */
        int64_t at = k->at < cx->now_ms ? k->at : cx->now_ms;
        TRY(db_run(cx, &q_evidence_put,
                   ARGS(V(id_new(cx->now_ms)), V(k->customer), V(evidence_codes[k->kind]), V(at),
                        V(k->source), val_int_or_null(k->interaction), val_int_or_null(k->staff),
                        V(k->phrase), V(k->weight))));
    }
    return OK;
}

static bool is_counted(const struct evidence_writing *w)
{
    return w->found->is_put && !w->is_stale && evidence_is_news(w->found);
}

/* Of those of whom there is news, from *at on, as many as have few ids in all; *at: who comes next. */
static enum err count_some(struct cx *cx, struct evidence_writing *w, size_t n, struct trait *now,
                           size_t *at)
{
    enum { IDS = 1000 };
    size_t from = *at, n_ids = 0, n_all = 0;
    struct list rows = {0};
    for (; *at < n; ++*at) {
        size_t more = is_counted(&w[*at]) ? w[*at].found->ids.n : 0;
        if (n_ids && n_ids + more > IDS)
            break;
        n_ids += more;
    }
    if (n_ids == 0)
        return OK;
    int64_t *ids = ARENA_ARRAY(cx->arena, n_ids, int64_t);
    for (size_t i = from; i < *at; i++)
        if (is_counted(&w[i])) {
            memcpy(ids + n_all, w[i].found->ids.items, w[i].found->ids.n * sizeof *ids);
            n_all += w[i].found->ids.n;
        }
    TRY(db_all(cx, &q_evidence_counted, &evidence_count_shape, &rows,
               ARGS(val_ints(ids, n_all), V(since(cx)))));
    for (size_t i = from; i < *at; i++)
        if (is_counted(&w[i]))
            TRY(count(cx, w[i].found->is.id, &w[i].found->ids, &rows, &now[i], &w[i].has_changed));
    return OK;
}

/* Segments look again at whom it moved, by the depth of what he was read for; the judge does while he has this in hand. */
static enum err tell_segments(struct cx *cx, const struct evidence_writing *w, size_t n)
{
    int64_t *roots = ARENA_ARRAY(cx->arena, n + 1, int64_t), deepest = 0;
    for (size_t i = 0; i < n; i++)
        deepest = larger(deepest, w[i].depth);
    for (int64_t depth = 0; depth <= deepest; depth++) {
        size_t n_moved = 0;
        for (size_t i = 0; i < n; i++)
            if (w[i].has_changed && w[i].depth == depth)
                roots[n_moved++] = w[i].found->is.id.v;
        event_depth(cx, depth);
        TRY(segments_due(cx, roots, n_moved));
    }
    event_depth(cx, 0);
    return OK;
}

enum err evidence_write_many(struct cx *cx, struct evidence_writing *w, size_t n)
{
    struct trait *now = ARENA_ARRAY(cx->arena, n + 1, struct trait);
    TRY(stand(cx, w, n, now));
    for (size_t i = 0; i < n; i++)
        if (w[i].found->is_put && !w[i].is_stale)
            TRY(put_findings(cx, w[i].found));
    for (size_t at = 0; at < n;)
        TRY(count_some(cx, w, n, now, &at));
    for (size_t i = 0; i < n; i++) {
        const struct trait *is = &w[i].found->is;
        if (!w[i].found->is_put || w[i].is_stale)
            continue;
        now[i].read_id = is->read_id;
        now[i].read_ms = is->read_ms;
        now[i].n_ids = is->n_ids;
        TRY(put(cx, &now[i]));
    }
    return tell_segments(cx, w, n);
}

/* ---- impressions ------------------------------------------------------------------------------------------------ */

static enum err count_again(struct cx *cx, customer_id any)
{
    struct trait t;
    struct list ids = {0}, rows = {0};
    customer_id root;
    bool is_moved = false;
    TRY(customer_root(cx, any, &root, &ids));
    TRY(trait_of(cx, root, &t));
    TRY(db_all(cx, &q_evidence_counted, &evidence_count_shape, &rows,
               ARGS(val_ints(ids.items, ids.n), V(since(cx)))));
    TRY(count(cx, root, &ids, &rows, &t, &is_moved));
    if (t.n_ids == 0)
        t.n_ids = (int64_t)ids.n;
    TRY(put(cx, &t));
    return is_moved ? rules_due(cx, &root.v, 1) : OK;
}

enum err impression_put(struct cx *cx, const struct impression_new *in)
{
    struct id_row was = {0};
    enum err e =
        db_one(cx, &q_evidence_impression_was, &evidence_root_shape, &was, ARGS(V(in->source)));
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    customer_id root = {0};
    if (in->customer.v)
        TRY(customer_root(cx, in->customer, &root, NULL));
    if (e == OK)
        TRY(db_run(cx, &q_evidence_impression_gone, ARGS(V(in->source))));
    bool is_only_taken_back = was.id && in->impression == IMPRESSION_NONE;
    if (in->customer.v && !is_only_taken_back)
        TRY(db_run(cx, &q_evidence_put,
                   ARGS(V(id_new(cx->now_ms)), V(in->customer),
                        V(evidence_codes[EVIDENCE_IMPRESSION]), V(cx->now_ms), V(in->source),
                        val_int_or_null(in->interaction.v), val_int_or_null(in->staff.v),
                        V(impression_codes[in->impression]), V(1))));
    if (was.id && was.id != root.v)
        TRY(count_again(cx, (customer_id){was.id}));
    return root.v ? count_again(cx, root) : OK;
}

/* ---- what falls out ------------------------------------------------------------------------------------------------ */

static enum err due_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                          int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    int64_t begun = clock_mono_ns();
    do {
        struct list rows = {0};
        TRY(db_all(cx, &q_trait_due_list, &evidence_root_shape, &rows,
                   ARGS(V(cx->now_ms), V((int64_t)SLICE))));
        const struct id_row *r = rows.items;
        for (size_t i = 0; i < rows.n; i++) {
            customer_id root = {0};
            enum err e = customer_root(cx, (customer_id){r[i].id}, &root, NULL);
            if (e == ERR_NOT_FOUND || (e == OK && root.v != r[i].id)) {
                cx->why = (struct fault){0};
                TRY(db_run(cx, &q_trait_drop, ARGS(val_ints(&r[i].id, 1))));
                continue;
            }
            TRY(e);
            TRY(count_again(cx, root));
        }
        *position += 1;
        *progress += (int64_t)rows.n;
        *finished = rows.n < SLICE;
    } while (!*finished && clock_mono_ns() - begun < HOLD_NS);
    return OK;
}
const struct job_kind evidence_due_job = {
    .name = "evidence_due", .slice = due_slice, .every_ms = 15 * 1000};
