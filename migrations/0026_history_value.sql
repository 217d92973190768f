-- 0026 history value: the line that a sealed value belongs to, for the check of the audit.

CREATE INDEX history_by_value ON history (value_id) WHERE value_id <> 0;
