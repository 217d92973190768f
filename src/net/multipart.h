/* net/multipart.h - multipart/form-data (RFC 7578) in constant memory, part after part.
 *
 * The bytes are pulled from a function, so that a file of any size flows through. Whatever is not
 * exactly a form is refused: a wrong boundary, a part without a name, an end that does not come.
 */
#pragma once
#include "base/base.h"
#include <sys/types.h>

struct multipart;
struct multipart_part {
    str name, filename; /* valid until the next part; filename without folders */
    bool is_file;       /* a file name was given */
};
/* read: as http_body_read. NULL: content_type is no form with a boundary, or no memory. */
struct multipart *multipart_open(str content_type, ssize_t (*read)(void *arg, char *to, size_t n),
                                 void *arg);
void multipart_close(struct multipart *m); /* accepts NULL */
enum multipart_fate { MULTIPART_PART, MULTIPART_END, MULTIPART_MALFORMED, MULTIPART_CUT };
/* What is left of the part before is passed over. */
enum multipart_fate multipart_next(struct multipart *m, struct multipart_part *out);
/* The part's next bytes; 0: its end; -1: malformed or cut. */
ssize_t multipart_read(struct multipart *m, char *to, size_t n);
/* The whole of a short part; false: longer than that, malformed or cut. */
bool multipart_text(struct multipart *m, struct arena *a, size_t most, str *out) MUST_USE;
