-- 0030 audit moved: which seal holds a row of the audit that came from a store where ids were not in the order of commits.
-- Empty on PostgreSQL, where a row says it itself, and in a store whose seals follow each other by their ids.

CREATE TABLE audit_moved (
    id   {{id}}, -- of a row of audit or of audit_value
    seal {{int}} NOT NULL -- -1: one of before there were digests
){{strict}};
CREATE INDEX audit_moved_by_seal ON audit_moved (seal);
