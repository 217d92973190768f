-- 0017 folded: the texts of a customer that conditions compare, in the one form of comparison (NFKC, small letters), made by
-- the program. A store that has customers already is filled by a job.

ALTER TABLE customer ADD COLUMN folded_name {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN folded_region {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN folded_city {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN folded_company {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN folded_heard_of_us {{text}} NOT NULL DEFAULT '';
DROP INDEX customer_by_city;
CREATE INDEX customer_by_folded_city ON customer (folded_city);

INSERT INTO job (id, kind, args, next_ms, made_ms)
SELECT 17, 'customer.fold', '', 0, 0 WHERE EXISTS (SELECT 1 FROM customer);
