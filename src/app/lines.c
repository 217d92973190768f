/* app/lines.c - a body of many lines: read, planned and applied a turn at a time, each turn a change
 * of the bulk lane, so that single requests find the writer free in between. No thread waits: the
 * errand goes to the store and comes back, as often as there are turns. Only the last one waits for
 * the disk, with all that were before it: nothing is answered earlier.
 */
#include "app/errand.h"
#include "app/pace.h"
#include "base/ndjson.h"
#include "messages.h"
#include "queries.h"

enum {
    LINES_MAX = 5000,
    HALVINGS = 8, /* of a turn that others overtook: at the end it is a single line */
    REPLANS = 64, /* a single line is soon between two of theirs */
};
static const size_t LINE_BYTES = (size_t)1 << 20; /* as a single request may have */
static const size_t TURN_BYTES = (size_t)1 << 20; /* of lines, read together */
static const size_t ANSWER_BYTES = (size_t)32 << 20;

struct line {
    struct ndjson from; /* before it */
    size_t number;
    struct line_fate fate;
    size_t at;    /* among those the room gets */
    void *out;    /* of a line that was answered before */
    bool is_open; /* the room decides its fate */
};
struct lines_run {
    struct cx cx; /* of a turn: its arena lives as long */
    struct ndjson from, turn_from;
    struct text answers;
    struct line *turn;
    size_t n_turn;
    struct lines room;
    struct change change;
    enum err result;
    struct fault why;
    unsigned tries;
    struct pace pace; /* lines of the next turn: as many as fit into its time */
    int64_t took_ns;  /* by the last one on the writer, before its commit */
    int64_t commit_ns;
    int64_t applied_ns; /* when that began */
    bool is_soft;       /* what was written so far may not be on the disk yet */
    bool settles;       /* the change that brings it there is on its way */
    bool is_back;       /* from the store */
    bool has_answered;  /* a turn was: the request as a whole cannot be refused any more */
};

void lines_free(struct lines_run *l)
{
    if (!l)
        return;
    text_free(&l->answers);
}

enum err lines_open(struct errand *e)
{
    struct cx *cx = &e->cx;
    size_t n = ndjson_count(e->rq->body, LINES_MAX);
    if (n == 0)
        return fault(cx, ERR_INVALID, M_LINES_NONE);
    if (n > LINES_MAX)
        return fault(cx, ERR_TOO_BIG, M_LINES_MANY, MNUM("most", LINES_MAX));
    struct lines_run *l = ARENA_NEW(cx->arena, struct lines_run);
    *l = (struct lines_run){
        .cx = *cx, .turn_from = ndjson_of(e->rq->body), .answers = text_on_heap(ANSWER_BYTES)};
    l->cx.arena = gate_arena_take(e->gate);
    if (!l->cx.arena)
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    e->lines = l;
    atomic_fetch_add(&e->gate->in_store, 1); /* until the last turn is over */
    return OK;
}

/* ---- a turn: read ------------------------------------------------------------------------ */

static void refuse(struct lines_run *l, struct line *line, enum err e)
{
    line->fate = (struct line_fate){.err = e, .why = l->cx.why};
    l->cx.why = (struct fault){0};
}

static str line_key(struct errand *e, struct arena *a, size_t number)
{
    /* no key of a request holds a blank */
    return arena_printf(a, SFMT " %zu", SARG(e->key), number);
}

/* Which of the turn's lines were answered before under this key. */
static enum err find_answered(struct errand *e, struct lines_run *l)
{
    struct cx *cx = &l->cx;
    if (e->key.len == 0)
        return OK;
    struct db_read *reads = ARENA_ARRAY(cx->arena, l->n_turn, struct db_read);
    struct key_answer *found = ARENA_ARRAY(cx->arena, l->n_turn, struct key_answer);
    struct val *args = ARENA_ARRAY(cx->arena, 4 * l->n_turn, struct val);
    for (size_t i = 0; i < l->n_turn; i++) {
        struct val *v = args + 4 * i;
        v[0] = val_blob(e->key_request, 32);
        v[1] = V((int)cx->actor.kind);
        v[2] = V(cx->actor.id);
        v[3] = V(line_key(e, cx->arena, l->turn[i].number));
        reads[i] =
            (struct db_read){&q_key_answered, &key_answer_shape, true, &found[i], {v, 4}, false};
    }
    TRY(db_batch(cx, reads, l->n_turn));
    for (size_t i = 0; i < l->n_turn; i++) {
        struct line *line = &l->turn[i];
        if (!reads[i].found)
            continue;
        if (!found[i].is_same)
            return fault(cx, ERR_INVALID, M_GATE_KEY_OTHER);
        line->out = arena_alloc(cx->arena, 1, e->route->out->size);
        if (e->route->replay && found[i].made_id) {
            enum err x = e->route->replay(cx, found[i].made_id, line->out);
            if (x != OK && x != ERR_NOT_FOUND)
                return x;
            if (x != OK)
                refuse(l, line, x);
        }
    }
    return OK;
}

static size_t turn_most(const struct errand *e, const struct lines_run *l)
{
    size_t n = pace_lines(&l->pace, store_is_calm(e->gate->house->store, clock_mono_ns()));
    size_t most = e->route->lines_a_turn;
    if (most && n > most)
        n = most;
    n >>= l->tries < HALVINGS ? l->tries : HALVINGS;
    return n ? n : 1;
}

/* Takes lines off the body and reads them by the row's shape. */
static enum err read_turn(struct errand *e, struct lines_run *l)
{
    const struct route *r = e->route;
    struct cx *cx = &l->cx;
    size_t most = turn_most(e, l), bytes = 0;
    str *text = ARENA_ARRAY(cx->arena, most, str);
    l->turn = ARENA_ARRAY(cx->arena, most, struct line);
    l->n_turn = 0;
    l->from = l->turn_from;
    for (struct ndjson from = l->from;
         l->n_turn < most && bytes < TURN_BYTES && ndjson_next(&l->from, &text[l->n_turn]);
         from = l->from) {
        bytes += text[l->n_turn].len;
        l->turn[l->n_turn++] = (struct line){.from = from, .number = l->from.number};
    }
    TRY(find_answered(e, l));
    l->room = (struct lines){.in = arena_alloc(cx->arena, l->n_turn, r->in->size),
                             .out = arena_alloc(cx->arena, l->n_turn, r->out->size),
                             .fate = ARENA_ARRAY(cx->arena, l->n_turn, struct line_fate)};
    for (size_t i = 0; i < l->n_turn; i++) {
        struct line *line = &l->turn[i];
        if (line->out || line->fate.err != OK)
            continue;
        enum err x =
            text[i].len > LINE_BYTES
                ? fault(cx, ERR_TOO_BIG, M_LINE_LONG, MNUM("most", (int64_t)LINE_BYTES))
                : json_read(cx, r->in, text[i], (char *)l->room.in + l->room.n * r->in->size, NULL);
        if (x != OK) {
            refuse(l, line, x);
            continue;
        }
        line->is_open = true;
        line->at = l->room.n++;
    }
    return arena_is_over(cx->arena) ? fault(cx, ERR_TOO_BIG, M_TOO_BIG) : OK;
}

/* ---- a turn: planned, applied ------------------------------------------------------------ */

static enum err plan(struct errand *e, struct lines_run *l)
{
    struct cx *cx = &l->cx;
    TRY(read_turn(e, l));
    if (l->room.n == 0 || !e->route->plan_lines)
        return OK;
    return e->route->plan_lines(cx, &l->room);
}

static bool somebody_waits(void *store)
{
    return store_is_wanted(store);
}

static enum err keep_keys(struct cx *cx, struct errand *e, const struct lines_run *l)
{
    for (size_t i = 0; i < l->n_turn; i++) {
        const struct line *line = &l->turn[i];
        const struct line_fate *f = &l->room.fate[line->at];
        if (!line->is_open || line->at >= l->room.done || f->err != OK)
            continue;
        enum err x =
            db_run(cx, &q_key_keep,
                   ARGS(V((int)cx->actor.kind), V(cx->actor.id),
                        V(line_key(e, cx->arena, line->number)), val_blob(e->key_request, 32),
                        V(gate_status(e->route)), V(f->made_id), V(cx->now_ms)));
        TRY(x);
    }
    return OK;
}

static enum err apply(struct cx *cx, void *state)
{
    struct errand *e = state;
    struct lines_run *l = e->lines;
    struct store *store = e->gate->house->store;
    int64_t begun = pace_clock_ns();
    l->room.done = l->room.n;
    l->room.piece = 0;
    l->room.must_end = store_is_postgres(store) ? NULL : somebody_waits;
    l->room.must_end_arg = store;
    TRY(e->route->apply_lines(cx, &l->room));
    assert(l->room.done > 0);
    if (e->key.len)
        TRY(keep_keys(cx, e, l));
    l->applied_ns = pace_clock_ns();
    l->took_ns = l->applied_ns - begun;
    return OK;
}

static void turn_is_back(struct change *c, enum err result)
{
    struct errand *e = c->owner;
    struct lines_run *l = e->lines;
    /* SQLite's one writer stands for others until the pages are written, which takes as long again */
    bool is_alone = !store_is_postgres(e->gate->house->store);
    l->commit_ns = is_alone ? pace_clock_ns() - l->applied_ns : 0;
    l->is_back = true;
    l->result = result;
    l->why = l->cx.why;
    lanes_add_owed(e->gate->lanes, gate_lane(e), e);
}

/* ---- answers ----------------------------------------------------------------------------- */

static void answer_turn(struct errand *e, struct lines_run *l)
{
    const struct line_fate lost = {.err = l->result, .why = l->why};
    for (size_t i = 0; i < l->n_turn; i++) {
        const struct line *line = &l->turn[i];
        const struct line_fate *fate = &line->fate;
        const void *out = line->out;
        if (line->is_open) {
            fate = l->result != OK ? &lost : &l->room.fate[line->at];
            out = (char *)l->room.out + line->at * e->route->out->size;
        }
        reply_line(e, &l->cx, &l->answers, line->number, fate, out);
    }
    l->has_answered = true;
}

/* A turn that ended early: what was not taken comes again. */
static void cut_short(struct lines_run *l)
{
    size_t i = 0;
    while (i < l->n_turn && !(l->turn[i].is_open && l->turn[i].at >= l->room.done))
        i++;
    if (i == l->n_turn)
        return;
    l->n_turn = i;
    l->from = l->turn[i].from;
}

/* What stands in the way of one turn stands in the way of the next: the rest is not tried. */
static void answer_rest(struct errand *e, struct lines_run *l)
{
    struct line_fate fate = {.err = l->result, .why = l->why};
    str line;
    while (ndjson_next(&l->from, &line))
        reply_line(e, &l->cx, &l->answers, l->from.number, &fate, NULL);
}

/* After it the errand is gone. */
static void reply(struct errand *e)
{
    struct lines_run *l = e->lines;
    struct gate *g = e->gate;
    struct arena *a = l->cx.arena;
    if (l->result == OK && l->answers.is_over) {
        l->result = ERR_TOO_BIG;
        l->why = (struct fault){.err = ERR_TOO_BIG};
    }
    if (l->result != OK) {
        e->result = l->result;
        e->cx.why = l->why;
        reply_fault(e);
    } else {
        reply_lines(e, text_str(&l->answers));
    }
    gate_arena_give(g, a);
    atomic_fetch_sub(&g->in_store, 1);
}

static void send(struct errand *e, enum err (*change)(struct cx *cx, void *state), bool is_soft)
{
    struct lines_run *l = e->lines;
    l->change = (struct change){.lane = LANE_BULK,
                                .apply = change,
                                .state = e,
                                .cx = &l->cx,
                                .done = turn_is_back,
                                .is_soft = is_soft,
                                .shrinks = true,
                                .owner = e};
    db_submit(e->gate->house->store, &l->change);
}

/* All lines have their answer. It leaves when everything is on the disk. */
static void end(struct errand *e)
{
    struct lines_run *l = e->lines;
    l->result = OK; /* the lines tell what became of each */
    if (!l->is_soft) {
        reply(e);
        return;
    }
    l->settles = true;
    l->cx.now_ms = clock_now_ms();
    arena_reset(l->cx.arena);
    send(e, db_settle, false);
}

enum after { RUN_AGAIN, GO_ON, THE_END, REFUSED };

static enum after settle(struct errand *e, struct lines_run *l)
{
    bool may_be_twin = e->key.len && l->result == ERR_CONFLICT;
    bool is_overtaken = l->result == ERR_STALE || may_be_twin;
    if (is_overtaken && l->tries++ < REPLANS)
        return RUN_AGAIN;
    if (is_overtaken) {
        l->result = ERR_BUSY;
        l->why = (struct fault){.err = ERR_BUSY, .retry_after_s = 1};
    }
    if (l->result != OK && !l->has_answered)
        return REFUSED; /* nothing was done: the request as a whole is told why */
    if (l->result == OK && l->room.n)
        cut_short(l);
    answer_turn(e, l);
    if (l->result == OK && l->room.n)
        pace_took(&l->pace, l->room.done, l->room.piece, l->took_ns, l->commit_ns);
    if (l->result != OK) {
        answer_rest(e, l);
        return THE_END;
    }
    if (l->room.n)
        l->is_soft = l->change.is_soft;
    l->turn_from = l->from;
    l->tries = 0;
    return l->from.rest.len ? GO_ON : THE_END;
}

/* True: the turn is on its way through the store. */
static bool send_turn(struct errand *e, struct lines_run *l, struct db *db)
{
    struct cx *cx = &l->cx;
    arena_reset(cx->arena);
    l->from = l->turn_from;
    l->n_turn = 0;
    cx->db = db;
    cx->now_ms = clock_now_ms();
    cx->why = (struct fault){.err = ERR_BUSY, .retry_after_s = 2};
    l->result = db && !atomic_load(&e->gate->is_closing) ? read_begin(cx) : ERR_BUSY;
    if (l->result == OK) {
        cx->why = (struct fault){0};
        l->result = plan(e, l);
        read_end(cx);
    }
    cx->db = NULL;
    l->why = cx->why;
    if (l->result != OK) { /* none of them got anywhere: they are answered with the rest */
        l->from = l->turn_from;
        l->n_turn = 0;
        return false;
    }
    if (l->room.n == 0)
        return false;
    send(e, apply, ndjson_count(l->from.rest, 0) > 0);
    return true;
}

void lines_go_on(struct errand *e, struct db *db)
{
    struct lines_run *l = e->lines;
    bool is_back = l->is_back;
    l->is_back = false;
    if (l->settles) {
        reply(e);
        return;
    }
    for (;;) {
        enum after next = is_back ? settle(e, l) : GO_ON;
        if (next == REFUSED)
            reply(e);
        else if (next == THE_END)
            end(e);
        if (next == REFUSED || next == THE_END || send_turn(e, l, db))
            return;
        is_back = true;
    }
}
