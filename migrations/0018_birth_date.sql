-- 0018 birth date: the day a person was born, as 1990-01-31; empty where nobody said.

ALTER TABLE customer ADD COLUMN birth_date {{text}} NOT NULL DEFAULT '';
