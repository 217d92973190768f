/* rows.c - finding one's own among rows that lie in the order of their ids. */
#include "base/field.h"
#include <string.h>

int64_t row_id(const struct list *rows, size_t size, size_t i)
{
    int64_t id;
    memcpy(&id, (const char *)rows->items + i * size, sizeof id);
    return id;
}

size_t row_from(const struct list *rows, size_t size, int64_t id)
{
    size_t from = 0, to = rows->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (row_id(rows, size, middle) < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}
