/* rooms/source/lists.c - the lists of domains that come with the program; they are our own work. */
#include "base/embed.h"
#include "base_data.h" /* so that this file is compiled again when they have changed */
#include "rooms/source/inside.h"

IN_BINARY(mail_free, "mail_free.txt");
IN_BINARY(mail_disposable, "mail_disposable.txt");

str list_built_in(enum source_key key)
{
    return key == SOURCE_FREE         ? IN_BINARY_STR(mail_free)
           : key == SOURCE_DISPOSABLE ? IN_BINARY_STR(mail_disposable)
                                      : (str){0};
}

str list_says(str text, str what)
{
    for (int i = 0; i < 40 && text.len; i++) {
        str line = str_trim(str_cut(&text, '\n'));
        while (line.len && (line.ptr[0] == '#' || line.ptr[0] == '/' || line.ptr[0] == ';' ||
                            line.ptr[0] == ' '))
            line = (str){line.ptr + 1, line.len - 1};
        if (line.len > what.len + 1 && line.len < 400 && line.ptr[what.len] == ':' &&
            str_eq_ascii_nocase((str){line.ptr, what.len}, what))
            return str_trim((str){line.ptr + what.len + 1, line.len - what.len - 1});
    }
    return (str){0};
}
