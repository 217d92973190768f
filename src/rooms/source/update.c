/* rooms/source/update.c - `kith data update`: files found, told apart, read, checked, and put in place. */
#include "messages.h"
#include "rooms/source/inside.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where Debian's packages tor-geoipdb and publicsuffix put theirs. */
static const struct {
    enum source_key key;
    const char *path;
} debian[] = {
    {SOURCE_COUNTRY, "/usr/share/tor/geoip"},
    {SOURCE_COUNTRY, "/usr/share/tor/geoip6"},
    {SOURCE_SUFFIX, "/usr/share/publicsuffix/public_suffix_list.dat"},
};

enum shape_of_file {
    FILE_GEOIP,
    FILE_MMDB,
    FILE_NETWORKS,
    FILE_DOMAINS,
    FILE_SUFFIXES,
    FILE_UNKNOWN
};
struct found {
    str path;
    bool is_named; /* by the administrator: it must be one of ours */
    int wanted;    /* enum source_key, or -1 */
};

/* What is made of all the files together. */
struct making {
    struct cx *cx;
    const struct source_wish *wish;
    struct found files[FILES_MAX];
    size_t n_files;
    struct made_ranges ranges[SOURCE_KEYS];
    struct domains domains[SOURCE_KEYS];
    struct about about[SOURCE_KEYS];
    bool has[SOURCE_KEYS], has_mmdb, has_geoip;
    str passed[FILES_MAX];
    size_t n_passed;
};

/* ---- finding ------------------------------------------------------------------------------------- */

static str name_of(str path)
{
    const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    return slash ? (str){slash + 1, path.len - (size_t)(slash + 1 - path.ptr)} : path;
}

static enum err cannot_read(struct cx *cx, str path, int os)
{
    return fault(cx, ERR_INVALID, M_SOURCE_CANNOT_READ, MARG("file", path),
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

static enum err file_add(struct making *m, str path, bool is_named, int wanted)
{
    if (m->n_files == FILES_MAX)
        return fault(m->cx, ERR_TOO_BIG, M_SOURCE_FILES, MNUM("n", FILES_MAX));
    m->files[m->n_files++] = (struct found){arena_str(m->cx->arena, path), is_named, wanted};
    return OK;
}

static int by_path(const void *a, const void *b)
{
    return str_cmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static enum err folder_add(struct making *m, str path)
{
    struct cx *cx = m->cx;
    DIR *d = opendir(arena_cstr(cx->arena, path));
    enum err e = d ? OK : cannot_read(cx, path, errno);
    size_t first = m->n_files;
    for (struct dirent *one; e == OK && (one = readdir(d));) {
        struct stat st;
        str whole = arena_printf(cx->arena, SFMT "/%s", SARG(path), one->d_name);
        if (one->d_name[0] != '.' && stat(whole.ptr, &st) == 0 && S_ISREG(st.st_mode))
            e = file_add(m, whole, false, -1);
    }
    if (d)
        closedir(d);
    if (m->n_files > first + 1)
        qsort(m->files + first, m->n_files - first, sizeof *m->files, by_path);
    return e;
}

static enum err named_add(struct making *m, str path)
{
    struct stat st;
    char whole[4096];
    if (path.len >= sizeof whole || memchr(path.ptr, 0, path.len) ||
        !realpath(arena_cstr(m->cx->arena, path), whole))
        return cannot_read(m->cx, path, errno ? errno : EINVAL);
    str real = arena_str(m->cx->arena, str_of(whole));
    if (stat(real.ptr, &st) != 0)
        return cannot_read(m->cx, path, errno);
    return S_ISDIR(st.st_mode) ? folder_add(m, real) : file_add(m, real, true, -1);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void *bytes_of(const char *path, size_t *n, int *os)
{
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *bytes = NULL;
    *n = 0;
    *os = fd < 0 ? errno : 0;
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
        *os = EINVAL;
    if (!*os && st.st_size > (off_t)FILE_MB_MAX << 20)
        *os = EFBIG;
    if (!*os) {
        size_t size = (size_t)st.st_size;
        bytes = malloc(size + 1);
        *os = bytes ? 0 : ENOMEM;
        for (ssize_t got = 1; bytes && *n < size && got > 0; *n += got > 0 ? (size_t)got : 0)
            got = read(fd, bytes + *n, size - *n);
    }
    if (fd >= 0)
        close(fd);
    return bytes;
}

/* Where each came from last time; of what was never made, Debian's. */
static enum err known_add(struct making *m)
{
    for (int key = 0; key <= SOURCE_SUFFIX; key++) {
        str path = arena_printf(m->cx->arena, SFMT "/sources/%s", SARG(m->wish->data_dir),
                                source_key_codes[key]);
        size_t n = 0;
        int os = 0;
        struct image i = {0};
        void *bytes = bytes_of(path.ptr, &n, &os);
        bool are_there =
            bytes && image_open(&i, (enum source_key)key, bytes, n) && i.about.from.n > 0;
        for (size_t k = 0; are_there && k < i.about.from.n; k++)
            are_there = is_file(arena_cstr(m->cx->arena, i.about.from.items[k]));
        enum err e = OK;
        for (size_t k = 0; are_there && e == OK && k < i.about.from.n; k++)
            e = file_add(m, i.about.from.items[k], true, key);
        bool was_made = i.is_loaded;
        image_close(&i);
        for (size_t k = 0; e == OK && !was_made && k < COUNT(debian); k++)
            if ((int)debian[k].key == key && is_file(debian[k].path))
                e = file_add(m, str_of(debian[k].path), true, key);
        TRY(e);
    }
    return OK;
}

/* ---- telling apart ---------------------------------------------------------------------------------- */

static bool name_has(str name, const char *word)
{
    for (size_t i = 0; i + strlen(word) <= name.len; i++)
        if (str_eq_ascii_nocase((str){name.ptr + i, strlen(word)}, str_of(word)))
            return true;
    return false;
}

static enum shape_of_file shape_of(str name, str bytes)
{
    str head = {bytes.ptr, bytes.len < 65536 ? bytes.len : 65536};
    if (str_ends(name, S(".mmdb")) || memmem(bytes.ptr, bytes.len, "\xAB\xCD\xEFMaxMind.com", 14))
        return FILE_MMDB;
    if (str_find(head, S("===BEGIN ICANN DOMAINS===")) >= 0)
        return FILE_SUFFIXES;
    while (head.len) {
        str line = str_trim(str_cut(&head, '\n')), rest = line;
        bool is_v4 = false;
        addr a = 0;
        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';' || str_starts(line, S("//")))
            continue;
        str first = str_cut(&rest, ','), second = str_cut(&rest, ',');
        int64_t number = 0;
        if (second.len && rest.len == 2 &&
            (str_to_int(first, &number) || addr_read(first, &is_v4, &a)))
            return FILE_GEOIP;
        if (str_starts(line, S("ExitNode ")) || str_starts(line, S("ExitAddress ")))
            return FILE_NETWORKS;
        size_t n = 0;
        while (n < line.len && line.ptr[n] != '/' && line.ptr[n] != '-' && line.ptr[n] != ' ' &&
               line.ptr[n] != ',' && line.ptr[n] != '#')
            n++;
        return addr_read((str){line.ptr, n}, &is_v4, &a) ? FILE_NETWORKS : FILE_DOMAINS;
    }
    return FILE_UNKNOWN;
}

/* What the list is of, by its name: -1, it does not tell. */
static int key_of(enum shape_of_file shape, str name)
{
    static const struct {
        enum shape_of_file shape;
        const char *word;
        enum source_key key;
    } words[] = {
        {FILE_NETWORKS, "vpn", SOURCE_VPN},
        {FILE_NETWORKS, "hosting", SOURCE_HOSTING},
        {FILE_NETWORKS, "datacenter", SOURCE_HOSTING},
        {FILE_NETWORKS, "data-center", SOURCE_HOSTING},
        {FILE_NETWORKS, "cloud", SOURCE_HOSTING},
        {FILE_NETWORKS, "tor", SOURCE_TOR},
        {FILE_NETWORKS, "exit-addresses", SOURCE_TOR},
        {FILE_DOMAINS, "disposable", SOURCE_DISPOSABLE},
        {FILE_DOMAINS, "throwaway", SOURCE_DISPOSABLE},
        {FILE_DOMAINS, "burner", SOURCE_DISPOSABLE},
        {FILE_DOMAINS, "free", SOURCE_FREE},
    };
    if (shape == FILE_GEOIP || shape == FILE_MMDB)
        return SOURCE_COUNTRY;
    if (shape == FILE_SUFFIXES)
        return SOURCE_SUFFIX;
    for (size_t i = 0; i < COUNT(words); i++)
        if (words[i].shape == shape && name_has(name, words[i].word))
            return (int)words[i].key;
    return -1;
}

static bool fits(enum shape_of_file shape, int key)
{
    switch (shape) {
    case FILE_GEOIP:
        return key == SOURCE_COUNTRY;
    case FILE_MMDB:
        return key <= SOURCE_HOSTING;
    case FILE_NETWORKS:
        return key == SOURCE_TOR || key == SOURCE_VPN || key == SOURCE_HOSTING;
    case FILE_DOMAINS:
        return key == SOURCE_DISPOSABLE || key == SOURCE_FREE;
    case FILE_SUFFIXES:
        return key == SOURCE_SUFFIX;
    default:
        return false;
    }
}

/* ---- what a file says of itself ---------------------------------------------------------------------- */

static str day_of(struct arena *a, int64_t s)
{
    str t = when_text(a, (when){s * 1000});
    return t.len >= 10 ? (str){t.ptr, 10} : (str){0};
}

/* "Thu, 25 Jun 2026 04:33:59 GMT" */
static str day_of_mail(struct arena *a, str s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    str rest = s;
    (void)str_cut(&rest, ' ');
    str day = str_cut(&rest, ' '), month = str_cut(&rest, ' '), year = str_cut(&rest, ' ');
    int64_t d = 0, y = 0;
    when t;
    for (int i = 0; i < 12 && month.len == 3; i++)
        if (memcmp(months + i * 3, month.ptr, 3) == 0 && str_to_int(day, &d) &&
            str_to_int(year, &y) && d > 0 && d < 32 && y > 1990 && y < 3000) {
            str text = arena_printf(a, "%04d-%02d-%02d", (int)y, i + 1, (int)d);
            return when_parse(arena_printf(a, SFMT "T00:00:00Z", SARG(text)), &t) ? text : (str){0};
        }
    return (str){0};
}

static str day_said(struct arena *a, str text)
{
    str generated = list_says(text, S("generated")), date = list_says(text, S("date")),
        version = list_says(text, S("version"));
    str said = date.len ? date : version;
    when t;
    if (generated.len)
        said = day_of_mail(a, generated);
    if (said.len > 10)
        said.len = 10;
    bool is_day = said.len == 10 && when_parse(arena_printf(a, SFMT "T00:00:00Z", SARG(said)), &t);
    return is_day ? arena_str(a, said) : (str){0};
}

static void mmdb_rights(const struct mmdb_made *d, struct about *about)
{
    static const struct {
        const char *type, *licence, *attribution;
    } known[] = {
        {"GeoLite2", "GeoLite End User License Agreement",
         "This product includes GeoLite data created by MaxMind, available from https://www.maxmind.com"},
        {"DBIP", "CC BY 4.0", "IP Geolocation by DB-IP, https://db-ip.com"},
        {"ipinfo", "CC BY-SA 4.0", "IP address data powered by IPinfo, https://ipinfo.io"},
    };
    for (size_t i = 0; i < COUNT(known); i++)
        if (str_starts(d->type, str_of(known[i].type))) {
            about->licence = str_of(known[i].licence);
            about->attribution = str_of(known[i].attribution);
        }
    if (!about->attribution.len)
        about->attribution = d->description.len ? d->description : d->type;
}

static void rights_of(struct making *m, enum shape_of_file shape, str text, struct about *about)
{
    struct arena *a = m->cx->arena;
    if (shape == FILE_SUFFIXES) {
        about->licence = S("MPL-2.0");
        about->attribution = S("Public Suffix List, https://publicsuffix.org");
    }
    str licence = list_says(text, S("license"));
    licence = licence.len ? licence : list_says(text, S("licence"));
    str whose = list_says(text, S("attribution"));
    str vendor = list_says(text, S("vendor"));
    if (!whose.len && vendor.len)
        whose = shape == FILE_GEOIP
                    ? arena_printf(a, SFMT ", https://location.ipfire.org", SARG(vendor))
                    : vendor;
    if (licence.len)
        about->licence = str_clean(a, licence, 200);
    if (whose.len)
        about->attribution = str_clean(a, whose, 400);
}

/* Several files of one source: the older day, all rights, all paths. */
static void about_join(struct making *m, enum source_key key, const struct about *one, str path)
{
    struct about *all = &m->about[key];
    struct arena *a = m->cx->arena;
    if (m->wish->licence.len && !one->licence.len)
        all->licence = m->wish->licence;
    if (m->wish->attribution.len && !one->attribution.len)
        all->attribution = m->wish->attribution;
    if (one->date.len && (!all->date.len || str_cmp(one->date, all->date) < 0))
        all->date = one->date;
    if (one->licence.len && str_find(all->licence, one->licence) < 0)
        all->licence = all->licence.len
                           ? arena_printf(a, SFMT "; " SFMT, SARG(all->licence), SARG(one->licence))
                           : one->licence;
    if (one->attribution.len && str_find(all->attribution, one->attribution) < 0)
        all->attribution =
            all->attribution.len
                ? arena_printf(a, SFMT "; " SFMT, SARG(all->attribution), SARG(one->attribution))
                : one->attribution;
    str *from = ARENA_ARRAY(a, all->from.n + 1, str);
    if (all->from.n)
        memcpy(from, all->from.items, all->from.n * sizeof *from);
    from[all->from.n] = path;
    all->from = (struct str_list){from, all->from.n + 1};
    m->has[key] = true;
}

/* ---- reading one ----------------------------------------------------------------------------------------- */

static enum err ranges_take(struct making *m, const struct place *at, enum source_key key,
                            struct made_ranges *from)
{
    struct made_ranges *to = &m->ranges[key];
    for (size_t i = 0; i < from->v4.n; i++)
        range_add(to, true, from->v4.items[i].from, from->v4.items[i].to, from->v4.items[i].value);
    for (size_t i = 0; i < from->v6.n; i++)
        range_add(to, false, from->v6.items[i].from, from->v6.items[i].to, from->v6.items[i].value);
    return to->is_full ? fault(m->cx, ERR_TOO_BIG, M_SOURCE_MANY, MARG("file", at->file)) : OK;
}

static enum err mmdb_take(struct making *m, struct place *at, str bytes, str path, int wanted)
{
    struct mmdb_made d = {0};
    TRY(mmdb_read(m->cx, at, bytes, &d));
    struct made_ranges *parts[] = {&d.country, &d.tor, &d.vpn, &d.hosting};
    struct about about = {.date = d.built_s > 0 ? day_of(m->cx->arena, d.built_s) : (str){0}};
    mmdb_rights(&d, &about);
    enum err e = OK;
    for (int key = SOURCE_COUNTRY; key <= SOURCE_HOSTING && e == OK; key++) {
        struct made_ranges *p = parts[key];
        if (p->v4.n + p->v6.n == 0 || (wanted >= 0 && wanted != key))
            continue;
        if (key == SOURCE_COUNTRY)
            m->has_mmdb = true;
        e = ranges_take(m, at, (enum source_key)key, p);
        about_join(m, (enum source_key)key, &about, path);
    }
    mmdb_free(&d);
    return e;
}

/* A list of all the great providers was taken for one of throw-away mailboxes: half of the customers would be suspect. */
static enum err disposable_check(struct making *m, const struct place *at, const struct domains *d)
{
    static const char *const great[] = {"gmail.com",  "outlook.com", "hotmail.com", "yahoo.com",
                                        "icloud.com", "mail.ru",     "yandex.ru",   "qq.com",
                                        "163.com",    "yahoo.co.jp", "gmx.de",      "docomo.ne.jp"};
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < COUNT(great); k++)
            if (str_eq(d->items[i], str_of(great[k])))
                return fault(m->cx, ERR_INVALID, M_SOURCE_GREAT, MARG("file", at->file),
                             MARG("domain", d->items[i]));
    return OK;
}

static enum err text_take(struct making *m, struct place *at, enum shape_of_file shape, str text,
                          enum source_key key)
{
    struct made_ranges r = {0};
    enum err e = OK;
    if (!str_is_utf8(text) || (text.len && memchr(text.ptr, 0, text.len)))
        return fault(m->cx, ERR_INVALID, M_SOURCE_NO_TEXT, MARG("file", at->file));
    if (shape == FILE_SUFFIXES)
        return suffix_list_read(m->cx, at, text, &m->domains[key]);
    if (shape == FILE_DOMAINS) {
        e = domain_list_read(m->cx, at, text, &m->domains[key]);
        return e == OK && key == SOURCE_DISPOSABLE ? disposable_check(m, at, &m->domains[key]) : e;
    }
    e = shape == FILE_GEOIP ? geoip_read(m->cx, at, text, &r)
                            : network_list_read(m->cx, at, text, &r);
    if (e == OK)
        e = ranges_take(m, at, key, &r);
    ranges_free(&r);
    return e;
}

static enum err bytes_take(struct making *m, const struct found *f, str bytes, int64_t changed_s)
{
    struct cx *cx = m->cx;
    str name = name_of(f->path);
    struct place at = {.file = str_clean(cx->arena, name, 100)};
    enum shape_of_file shape = shape_of(name, bytes);
    int key = f->wanted >= 0 ? f->wanted : key_of(shape, name);
    for (int k = 0; m->wish->kind.len && k <= SOURCE_SUFFIX; k++)
        if (str_eq(m->wish->kind, str_of(source_key_codes[k])))
            key = k;
    /* Without a heading a list of suffixes looks like one of domains. */
    if (shape == FILE_DOMAINS && key == SOURCE_SUFFIX)
        shape = FILE_SUFFIXES;
    if (key < 0 || !fits(shape, key)) {
        if (f->is_named)
            return fault(cx, ERR_INVALID, shape == FILE_UNKNOWN ? M_SOURCE_EMPTY : M_SOURCE_KIND,
                         MARG("file", at.file));
        m->passed[m->n_passed++] = at.file;
        return OK;
    }
    if (shape == FILE_MMDB) {
        TRY(mmdb_take(m, &at, bytes, f->path, m->wish->kind.len || f->wanted >= 0 ? key : -1));
    } else {
        TRY(text_take(m, &at, shape, bytes, (enum source_key)key));
        struct about about = {.date = day_said(cx->arena, bytes)};
        if (!about.date.len)
            about.date = day_of(cx->arena, changed_s);
        rights_of(m, shape, bytes, &about);
        about_join(m, (enum source_key)key, &about, f->path);
        m->has_geoip = m->has_geoip || shape == FILE_GEOIP;
    }
    return m->has_geoip && m->has_mmdb ? fault(cx, ERR_INVALID, M_SOURCE_TWO, MARG("file", at.file))
                                       : OK;
}

static enum err file_take(struct making *m, const struct found *f)
{
    size_t n = 0;
    int os = 0;
    struct stat st = {0};
    void *bytes = bytes_of(f->path.ptr, &n, &os);
    if (!bytes)
        return os == EFBIG ? fault(m->cx, ERR_TOO_BIG, M_SOURCE_BIG, MARG("file", name_of(f->path)),
                                   MNUM("mb", FILE_MB_MAX))
                           : cannot_read(m->cx, f->path, os);
    (void)stat(f->path.ptr, &st);
    enum err e = bytes_take(m, f, (str){bytes, n}, (int64_t)st.st_mtime);
    free(bytes);
    return e;
}

/* ---- putting in place --------------------------------------------------------------------------------------- */

static enum err cannot_write(struct cx *cx, str path, int os)
{
    return fault(cx, os == ENOSPC || os == EDQUOT ? ERR_NO_SPACE : ERR_INVALID,
                 M_SOURCE_CANNOT_WRITE, MARG("file", path),
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

static bool write_all(const char *path, const void *bytes, size_t n)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    const char *p = bytes;
    while (fd >= 0 && n) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        p += put;
        n -= (size_t)put;
    }
    bool is = fd >= 0 && n == 0 && fsync(fd) == 0;
    int os = errno;
    if (fd >= 0)
        close(fd);
    errno = os;
    return is;
}

static enum err part_write(struct making *m, enum source_key key, str dir, struct source_made *out)
{
    struct cx *cx = m->cx;
    size_t n = 0;
    addr where = 0;
    bool is_text = key >= SOURCE_DISPOSABLE;
    struct made_ranges *r = &m->ranges[key];
    if (!is_text) {
        bool is_v4 = !ranges_order(&r->v4, &where);
        if (is_v4 || !ranges_order(&r->v6, &where))
            return fault(cx, ERR_INVALID, M_SOURCE_OVERLAP,
                         MARG("file", name_of(m->about[key].from.items[0])),
                         MARG("address", addr_text(cx->arena, is_v4, where)));
    } else {
        domains_order(&m->domains[key]);
    }
    m->about[key].records = (int64_t)(is_text ? m->domains[key].n : r->v4.n + r->v6.n);
    if (m->about[key].records == 0)
        return fault(cx, ERR_INVALID, M_SOURCE_EMPTY,
                     MARG("file", name_of(m->about[key].from.items[0])));
    void *bytes = is_text ? image_of_domains(key, &m->about[key], &m->domains[key], &n)
                          : image_of_ranges(key, &m->about[key], r, &n);
    if (!bytes)
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    str part = arena_printf(cx->arena, SFMT "/%s.part", SARG(dir), source_key_codes[key]);
    enum err e = write_all(part.ptr, bytes, n) ? OK : cannot_write(cx, part, errno);
    free(bytes);
    out->is_made[key] = true;
    out->records[key] = m->about[key].records;
    return e;
}

static enum err put_in_place(struct making *m, struct source_made *out)
{
    struct cx *cx = m->cx;
    str dir = arena_printf(cx->arena, SFMT "/sources", SARG(m->wish->data_dir));
    enum err e = OK;
    if (mkdir(dir.ptr, 0700) != 0 && errno != EEXIST)
        return cannot_write(cx, dir, errno);
    for (int key = 0; key < SOURCE_KEYS && e == OK; key++)
        if (m->has[key])
            e = part_write(m, (enum source_key)key, dir, out);
    for (int key = 0; key < SOURCE_KEYS; key++) {
        str part = arena_printf(cx->arena, SFMT "/%s.part", SARG(dir), source_key_codes[key]);
        str path = arena_printf(cx->arena, SFMT "/%s", SARG(dir), source_key_codes[key]);
        if (m->has[key] && e != OK)
            (void)unlink(part.ptr);
        else if (m->has[key] && rename(part.ptr, path.ptr) != 0)
            e = cannot_write(cx, path, errno);
    }
    int fd = open(dir.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e == OK && (fd < 0 || fsync(fd) != 0))
        e = cannot_write(cx, dir, errno);
    if (fd >= 0)
        close(fd);
    return e;
}

static enum err kind_check(struct cx *cx, str kind)
{
    for (int k = 0; k <= SOURCE_SUFFIX; k++)
        if (!kind.len || str_eq(kind, str_of(source_key_codes[k])))
            return OK;
    return fault(cx, ERR_INVALID, M_SOURCE_NO_KIND, MARG("kind", kind));
}

enum err source_update(struct cx *cx, const struct source_wish *w, struct source_made *out)
{
    struct making *m = calloc(1, sizeof *m);
    *out = (struct source_made){0};
    if (!m)
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    m->cx = cx;
    m->wish = w;
    enum err e = kind_check(cx, w->kind);
    for (size_t i = 0; i < w->n_from && e == OK; i++)
        e = named_add(m, w->from[i]);
    if (e == OK && w->n_from == 0)
        e = known_add(m);
    for (size_t i = 0; i < m->n_files && e == OK; i++)
        e = file_take(m, &m->files[i]);
    bool has_any = false;
    for (int key = 0; key < SOURCE_KEYS; key++)
        has_any = has_any || m->has[key];
    if (e == OK && !has_any)
        e = fault(cx, ERR_NOT_FOUND, M_SOURCE_NOTHING);
    if (e == OK)
        e = put_in_place(m, out);
    if (e != OK)
        *out = (struct source_made){0};
    str *passed = ARENA_ARRAY(cx->arena, m->n_passed + 1, str);
    memcpy(passed, m->passed, m->n_passed * sizeof *passed);
    out->passed = (struct str_list){passed, m->n_passed};
    for (int key = 0; key < SOURCE_KEYS; key++) {
        ranges_free(&m->ranges[key]);
        domains_free(&m->domains[key]);
    }
    free(m);
    return e;
}
