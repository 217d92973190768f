-- 0036 judge depth: who judges hands on how many automations stand behind a change, so that a circle through a judgement is seen.

ALTER TABLE judge_due ADD COLUMN depth {{int}} NOT NULL DEFAULT 0;
