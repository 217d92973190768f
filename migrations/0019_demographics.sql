-- 0019 demographics: in ranges, as codes of their lists; empty where nobody said.

ALTER TABLE customer ADD COLUMN income_band {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN children {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN education {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN occupation {{text}} NOT NULL DEFAULT '';
