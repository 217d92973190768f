/* app/flows.h - what is too long for one text: uploads and downloads, each on a thread of its own
 * while it lasts. At most FLOWS_MAX at once; more are asked to come again.
 */
#pragma once
#include "app/house.h"

enum { FLOWS_MAX = 12 };
struct flows;
struct flows *flows_open(void);
/* After http_close: waits for those that are on their way. Accepts NULL. */
void flows_close(struct flows *f);

extern const struct shape rejected_in_shape;
void flow_upload(struct house *h, struct http_exchange *x, struct cx *cx);           /* POST /imports */
void flow_rejected(struct house *h, struct http_exchange *x, struct cx *cx);         /* GET /imports/{id}/rejected */
void flow_export_customers(struct house *h, struct http_exchange *x, struct cx *cx); /* GET /customers/export */
void flow_export_orders(struct house *h, struct http_exchange *x, struct cx *cx);    /* GET /orders/export */
