/* db/vault_inner.h - what vault.c and reseal.c share. */
#pragma once
#include "db/vault.h"
#include <sqlite3.h>

sqlite3_vfs *vault_under(struct vault *v);
const struct keyring *vault_ring(struct vault *v);
/* Nobody writes into kith.db between the two. */
void vault_hold(struct vault *v);
void vault_let(struct vault *v);
