/* rooms/list/meta.c - what the interface draws lists, filters and forms from: the tables, told as
 * JSON. */
#include "rooms/list/filter.h"

/* How a column is filtered: the code has words in the catalogue ("filter.contains"), the text is an
 * expression with {a} for the attribute and {v}, {w} for what is filled in. */
struct operator
{
    const char *code, *text;
};
/* clang-format off */
static const struct operator of_text[] = {
    {"is", "{a} = {v}"}, {"is_not", "not {a} = {v}"}, {"contains", "{a} ~ {v}"}, {"starts", "{a} ^= {v}"},
    {"known", "{a} is known"}, {"unknown", "{a} is not known"},
};
static const struct operator of_choice[] = {
    {"is", "{a} = {v}"}, {"is_not", "not {a} = {v}"},
};
static const struct operator of_optional[] = {
    {"is", "{a} = {v}"}, {"is_not", "not {a} = {v}"}, {"known", "{a} is known"}, {"unknown", "{a} is not known"},
};
static const struct operator of_number[] = {
    {"at_least", "{a} >= {v}"}, {"at_most", "{a} <= {v}"}, {"equals", "{a} = {v}"}, {"between", "{a} between {v} and {w}"},
};
static const struct operator of_time[] = {
    {"days_less", "days_since({a}) <= {v}"}, {"days_more", "days_since({a}) > {v}"}, {"after", "{a} >= {v}"},
    {"before", "{a} < {v}"}, {"known", "{a} is known"}, {"unknown", "{a} is not known"},
};
static const struct operator of_yes_no[] = {
    {"yes", "{a}"}, {"no", "not {a}"},
};
static const struct operator of_tags[] = {
    {"has", "{a} = {v}"}, {"has_not", "not {a} = {v}"},
};
#define OPERATORS(x) x, COUNT(x)
static const struct { const struct operator *at; size_t n; } operators[COLUMN_KIND_N] = {
    [COLUMN_TEXT] = {OPERATORS(of_text)}, [COLUMN_CHOICE] = {OPERATORS(of_choice)}, [COLUMN_COUNTRY] = {OPERATORS(of_optional)},
    [COLUMN_LANGUAGE] = {OPERATORS(of_optional)}, [COLUMN_NUMBER] = {OPERATORS(of_number)}, [COLUMN_MONEY] = {OPERATORS(of_number)},
    [COLUMN_TIME] = {OPERATORS(of_time)}, [COLUMN_YES_NO] = {OPERATORS(of_yes_no)}, [COLUMN_STAFF] = {OPERATORS(of_optional)},
    [COLUMN_TAGS] = {OPERATORS(of_tags)}, [COLUMN_PHONE] = {OPERATORS(of_text)}, [COLUMN_EMAIL] = {OPERATORS(of_text)},
};
/* clang-format on */

static void pair(struct json_out *j, const char *key, const char *value)
{
    json_key(j, str_of(key));
    json_str(j, str_of(value));
}

static void flag(struct json_out *j, const char *key, bool value)
{
    json_key(j, str_of(key));
    json_bool(j, value);
}

static void write_choices(struct json_out *j, const struct column *c)
{
    json_key(j, S("choices"));
    json_array_begin(j);
    for (size_t i = 0; c->attr && i < c->attr->choices.n; i++)
        json_str(j, c->attr->choices.items[i]);
    for (int i = 0; i < c->n_choices; i++)
        json_str(j, str_of(c->choices[i]));
    json_array_end(j);
}

/* A custom attribute is filtered as what it holds. */
static enum column_kind kind_of(const struct column *c)
{
    static const enum column_kind of_type[ATTR_TYPE_N] = {
        [ATTR_NUMBER] = COLUMN_NUMBER,  [ATTR_MONEY] = COLUMN_MONEY,
        [ATTR_DATE] = COLUMN_TIME,      [ATTR_YES_NO] = COLUMN_YES_NO,
        [ATTR_CHOICE] = COLUMN_COUNTRY, [ATTR_CHOICES] = COLUMN_TAGS};
    return c->attr ? of_type[c->attr->type] : c->kind; /* the others are texts, which come first */
}

/* Does the language know this name? What it does not know has no filter. */
static bool is_attribute(const char *name)
{
    for (size_t i = 0; i < house_catalogue.n; i++)
        for (size_t k = 0; k < house_catalogue.tables[i]->n; k++)
            if (strcmp(house_catalogue.tables[i]->attrs[k].name, name) == 0)
                return true;
    return false;
}

static const char *attribute_of(const struct column *c)
{
    return c->attribute ? c->attribute : c->name;
}

static void write_operators(struct json_out *j, const struct column *c)
{
    enum column_kind kind = kind_of(c);
    bool is_known = c->attr || is_attribute(attribute_of(c));
    json_key(j, S("operators"));
    json_array_begin(j);
    for (size_t i = 0; is_known && i < operators[kind].n; i++) {
        json_object_begin(j);
        pair(j, "code", operators[kind].at[i].code);
        pair(j, "text", operators[kind].at[i].text);
        json_object_end(j);
    }
    json_array_end(j);
}

static void write_column(struct json_out *j, const struct column *c)
{
    json_object_begin(j);
    pair(j, "name", c->name);
    pair(j, "type", column_kind_codes[c->kind]);
    if (c->label)
        pair(j, "label", c->label);
    if (c->attr) {
        json_key(j, S("title"));
        json_str(j, c->attr->label);
        pair(j, "value_type", attr_type_codes[c->attr->type]);
    }
    flag(j, "is_sortable", c->order.from != NULL);
    flag(j, "falls", c->order.falls);
    flag(j, "is_shown", c->is_shown);
    json_key(j, S("width"));
    json_int(j, c->width);
    pair(j, "attribute", attribute_of(c));
    write_operators(j, c);
    if (c->n_choices || (c->attr && c->attr->choices.n))
        write_choices(j, c);
    if (c->choice_label)
        pair(j, "choice_label", c->choice_label);
    json_object_end(j);
}

/* ---- forms --------------------------------------------------------------------------------------- */

struct form_field {
    const char *name, *claim, *label, *rule;
    size_t most;
};
/* clang-format off */
#define X(name_, claim_, most_, rule_, ...) {#name_, #claim_, "field." #name_, #rule_, most_},
static const struct form_field form_texts[] = {CUSTOMER_TEXTS(X)};
#undef X
/* clang-format on */

/* What to draw for a text: by its rule, or a choice where the table of the record names its codes. */
static const char *form_type(const struct form_field *f)
{
    static const struct {
        const char *rule, *type;
    } types[] = {
        {"country", "country"}, {"lang", "language"}, {"zone", "time_zone"}, {"past", "date"}};
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcmp(f->rule, types[i].rule) == 0)
            return types[i].type;
    return "text";
}

static const struct field *with_codes(const char *name)
{
    for (size_t i = 0; i < customer_shape.n; i++) {
        const struct field *f = &customer_shape.fields[i];
        if (f->type == F_STR && f->n_names && strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

/* `as_claims`: the members of POST /customers; else those of PATCH. */
static void write_form(struct json_out *j, const char *form, bool as_claims)
{
    json_key(j, str_of(form));
    json_object_begin(j);
    json_key(j, S("fields"));
    json_array_begin(j);
    json_object_begin(j);
    pair(j, "name", "kind");
    pair(j, "type", "choice");
    pair(j, "label", "field.kind");
    pair(j, "choice_label", "kind.");
    json_key(j, S("choices"));
    json_array_begin(j);
    for (size_t i = 0; i < COUNT(customer_kind_codes); i++)
        json_str(j, str_of(customer_kind_codes[i]));
    json_array_end(j);
    json_object_end(j);
    for (size_t i = 0; i < COUNT(form_texts); i++) {
        const struct form_field *f = &form_texts[i];
        json_object_begin(j);
        pair(j, "name", as_claims ? f->claim : f->name);
        const struct field *codes = with_codes(f->name);
        pair(j, "type", codes ? "choice" : form_type(f));
        pair(j, "label", f->label);
        json_key(j, S("max_len"));
        json_int(j, (int64_t)f->most);
        if (codes) {
            json_key(j, S("choice_label"));
            json_str(j, arena_printf(j->to->arena, "%s.", f->name));
            json_key(j, S("choices"));
            json_array_begin(j);
            for (size_t k = 0; k < codes->n_names; k++)
                json_str(j, str_of(codes->names[k]));
            json_array_end(j);
        }
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
}

enum err list_meta(struct cx *cx, struct json_out *j)
{
    struct column_set all;
    TRY(columns_all(cx, &all));
    json_key(j, S("lists"));
    json_object_begin(j);
    json_key(j, S("customers"));
    json_object_begin(j);
    json_key(j, S("columns"));
    json_array_begin(j);
    for (size_t i = 0; i < all.n; i++)
        write_column(j, all.at[i]);
    json_array_end(j);
    json_object_end(j);
    json_object_end(j);
    json_key(j, S("forms"));
    json_object_begin(j);
    write_form(j, "customer_new", true);
    write_form(j, "customer_edit", false);
    json_object_end(j);
    return OK;
}
