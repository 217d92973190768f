/* test/disk/fault_vfs.h - a disk that does what disks do on their worst day. For test programs only: it is never linked
 * into kith.
 *
 * It stands over SQLite's own VFS and registers itself as the default, so whatever is stacked on the default VFS afterwards
 * stands on it. Files are real; beside each is kept what of it would be there after a power cut: what was written before
 * its last sync. Calls that change a file are counted: write, sync, truncate, delete; and reads, apart.
 *
 *   fault_vfs_register();
 *   fault_begin(&(struct fault_plan){.kind = FAULT_CUT, .at = 117, .seed = 1});
 *   … open a store, work, close it: from the 117th call on nothing reaches the disk and every call fails …
 *   fault_reboot();      the files are what is left of them: unsynced writes gone, kept, torn, in any order
 *   … open again and look …
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_CUT,       /* the power goes off */
    FAULT_IO,        /* the call fails, nothing of it happens */
    FAULT_NO_SPACE,  /* a write: half of it arrives, then the disk is full */
    FAULT_SHORT,     /* a write: half of it arrives, then it fails */
    FAULT_SYNC_LOST, /* a sync fails, and what it should have brought to the disk is forgotten, as Linux does */
    FAULT_READ,      /* a read fails */
    FAULT_KINDS
};
extern const char *const fault_names[FAULT_KINDS];

struct fault_plan {
    enum fault_kind kind;
    int64_t at;    /* 1: the first call that counts; 0: never */
    int64_t times; /* how many in a row; 0: one */
    uint64_t seed; /* what survives */
};

void fault_vfs_register(void);
/* Forgets what was before; files that are opened from here on stand as they are on the disk. None may be open. */
void fault_begin(const struct fault_plan *p);
int64_t fault_calls(void); /* since fault_begin; of FAULT_READ: reads */
bool fault_happened(void);
bool fault_goes_on(void); /* it began, and the next call of its kind would fail too */
void fault_cut_now(void);
/* After everything was closed: the power is on again. Without a cut before it, it is as after a clean end of the process. */
void fault_reboot(void);
