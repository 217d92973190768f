-- 0007 audit seal: a chain over the audit, so that a row changed or taken away later shows.
-- A seal covers the rows after the seal before it up to last_id; chain is SHA-256 over the chain before and those rows.

CREATE TABLE audit_seal (
    number  {{id}}, -- counts from 1 without a gap
    last_id {{int}}  NOT NULL,
    n       {{int}}  NOT NULL,
    chain   {{blob}} NOT NULL,
    at_ms   {{int}}  NOT NULL
){{strict}};
