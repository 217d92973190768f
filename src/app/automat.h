/* app/automat.h - two threads: one follows events for automations, the other sends their messages. */
#pragma once
#include "app/house.h"

struct automat;
enum err automat_open(struct cx *cx, struct house *house, struct automat **out) MUST_USE;
void automat_close(struct automat *a); /* accepts NULL and half-open ones */
