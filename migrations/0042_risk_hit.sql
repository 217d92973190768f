-- 0042 risk hit: who shows which sign is read from his state; the table of it cost each look more than a change of weights saves.
DROP TABLE risk_hit;
