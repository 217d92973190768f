/* app/gate.h - the one door for requests: who is it, may they, decode, plan, apply, encode.
 *
 * No thread waits per request. Reads and plans run on a few workers, each with its own connection;
 * changes go to the store's writer and come back to a worker after their commit.
 */
#pragma once
#include "app/house.h"

struct gate_options {
    unsigned workers; /* 0: cores, at least 4 */
};
/* Wires the rooms' rows; h->store must be open. */
enum err gate_open(struct cx *cx, struct house *h, const struct gate_options *o, struct gate **out)
    MUST_USE;
/* When the house is about to stop: bodies of many lines are answered as far as they got. */
void gate_stop_lines(struct gate *g);
/* After http_close: waits for changes in flight, ends the workers. */
void gate_close(struct gate *g);

/* For http_options; arg is the gate. */
size_t gate_body_limit(void *arg, enum http_method m, str path);
bool gate_takes_flow(void *arg, enum http_method m, str path);
void gate_handle(void *arg, struct http_exchange *x);

/* Refuses an exchange with problem+json; for stream routes. why->err says what. */
void gate_refuse(struct http_exchange *x, struct cx *cx);

/* The OpenAPI 3.1 document of all rooms, in arena. */
str openapi_text(struct arena *a);
