/* rooms/customer/fresh.h - how sure we are of what stands on a record: where it came from, when it was
 * last confirmed, and the one thing to ask next. Part of customer.h, which includes it. */
#pragma once
#include "rooms/customer/customer.h"

/* One field that people reach the customer by. `part`: the identity or address; 0: a text of the
 * record itself. */
struct fresh {
    str field; /* name, lang, country, city, company; or the type of a handle; or "address" */
    str part;  /* idn_…, adr_…; empty: of the record itself */
    str value;
    str source; /* staff, api, import, proposal, a channel; empty: with the record */
    when confirmed_at;
    struct staff_ref staff;
    bool is_old; /* longer ago than the settings' old_after_days */
};
extern const struct shape fresh_shape;

struct fresh_row {
    str field;
    int64_t part;
    str source;
    when confirmed_at;
    struct staff_ref staff;
};
extern const struct shape fresh_row_shape; /* of q_fresh_list by root */

/* From what is read already: the record, its identities and addresses, the rows of q_fresh_list. */
struct list fresh_of(struct cx *cx, const struct customer *c, const struct list *identities,
                     const struct list *addresses, const struct list *rows);

/* The one thing to ask next, for the card and the record: something that is not known, else what was
 * confirmed longest ago; field empty when nothing is to be asked. `is_late`: something is late, or
 * the customer is blocked: then nothing is. */
struct next_ask {
    str field; /* name, phone, email, language, address, heard_of_us … */
    str why;   /* missing, old */
    str part;  /* what is to be confirmed: idn_…, adr_…; empty: a text of the record */
    str value;
};
extern const struct shape next_ask_shape;
struct next_ask ask_next(struct cx *cx, const struct customer *c, const struct list *identities,
                    const struct list *fresh, bool has_address, bool is_late);

/* Inside apply: the field was confirmed now, or came in by `source`. part 0: a text of the record. */
enum err fresh_put(struct cx *cx, customer_id root, str field, int64_t part, const char *source)
    MUST_USE;
