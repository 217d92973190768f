-- 0043 judge texts: who waits to be judged says whether what he wrote is to be looked for as well; of most, events tell it.
ALTER TABLE judge_due ADD COLUMN reads_all {{int}} NOT NULL DEFAULT 0;
UPDATE judge_due SET reads_all = 1;
