/* app/finder.h - keeps the search's index fresh: what a change left in search_due is written within a second. */
#pragma once
#include "app/house.h"

struct finder;
enum err finder_open(struct cx *cx, struct house *house, struct finder **out) MUST_USE;
void finder_close(struct finder *f);
