-- 0001 floor: what the store itself keeps: events, audit, jobs, idempotency, leases.

CREATE TABLE store_meta (
    name  {{text}} PRIMARY KEY,
    value {{text}} NOT NULL
){{strict}};
