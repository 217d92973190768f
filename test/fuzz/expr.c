/* test/fuzz/expr.c - conditions as text and as JSON tree: any bytes give a tree or a fault; what was taken is printed and read
 * back the same, checks or is refused, and never costs more than it may. */
#include "expr/expr.h"

static struct str_list nothing;
static const struct expr_attr attrs[] = {
    {.name = "vip", .type = EXPR_YES_NO},  {.name = "orders", .type = EXPR_NUMBER, .scale = 3},
    {.name = "spent", .type = EXPR_MONEY}, {.name = "last_at", .type = EXPR_TIME},
    {.name = "born", .type = EXPR_DAY},    {.name = "city", .type = EXPR_TEXT},
};
static const struct expr_attr fields[] = {{.name = "total", .type = EXPR_MONEY},
                                          {.name = "at", .type = EXPR_TIME}};
static const struct expr_collection orders = {
    .name = "orders", .fields = fields, .n = 2, .time_sql = "at"};
static const struct expr_collection *const lists[] = {&orders};
static const struct expr_table table = {attrs, sizeof attrs / sizeof *attrs, lists, 1};
static const struct expr_table *const tables[] = {&table};
static const struct expr_catalogue catalogue = {tables, 1, NULL, NULL};

static void is_one(struct cx *cx, const struct expr *e)
{
    struct expr *again = NULL, *back = NULL;
    struct text t = text_in(cx->arena, (size_t)1 << 20);
    struct json_out j = {.to = &t};
    str printed = expr_text(cx->arena, e);
    if (printed.len > EXPR_TEXT_MAX)
        return; /* blanks were added */
    if (expr_parse(cx, printed, &again, NULL) != OK || !expr_is_same(e, again))
        __builtin_trap();
    expr_write_tree(&j, e);
    if (expr_read_tree(cx, text_str(&t), &back, NULL) != OK || !expr_is_same(e, back))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)16 << 20);
    arena_reset(a);
    struct cx cx = {.arena = a};
    const struct expr_world world = {&catalogue, 1795329000000, {"Europe/Berlin", 13}, {"EUR"}};
    struct expr_trouble why = {0};
    str text = {(const char *)data, size};
    struct expr *e = NULL;
    bool is_tree = size > 0 && data[0] == '{';
    enum err x = is_tree ? expr_read_tree(&cx, text, &e, &why) : expr_parse(&cx, text, &e, &why);
    if (x != OK) {
        if (x != ERR_INVALID || !cx.why.msg || fault_text(a, LANG_RU, &cx.why).len == 0 ||
            why.at > size)
            __builtin_trap();
        return 0;
    }
    is_one(&cx, e);
    x = expr_check(&cx, &world, is_tree ? (str){0} : text, e, &why);
    if (x != OK && (x != ERR_INVALID || why.at > size))
        __builtin_trap();
    struct expr *rest = NULL;
    if (expr_words(&cx, &world, e, &nothing, &rest) != OK || (!rest && nothing.n == 0))
        __builtin_trap();
    return 0;
}
