/* rooms/list/list.h - customers as a table: columns, filter, order, pages; saved views; one action
 * for many.
 *
 * A page costs the same at a thousand customers and at a million. The order is that of an index
 * (columns.c says which), walked from the cursor on; a condition that few fulfil is looked up first
 * and what it finds is put in order. Neither looks at more than a bounded number of rows, so a page
 * may hold fewer rows than asked, or none, and yet have a `next`.
 */
#pragma once
#include "db/event.h"
#include "net/route.h"

/* What `GET /meta` says of lists and forms: members "lists" and "forms" of the object that is open.
 */
enum err list_meta(struct cx *cx, struct json_out *j) MUST_USE;

/* Saved views whose filter, order or columns name this attribute, for the catalogue. */
enum err view_users(struct cx *cx, str attribute, struct list *out /* of struct expr_user */) MUST_USE;

/* Actions for many customers, and taking them back. */
extern const struct job_kind list_bulk_job, list_undo_job;

extern const struct room list_room;
