-- 0040 search lists: what FTS5 keeps of each piece, row by row, for the check that reads all of it. It holds nothing itself.
-- @sqlite
CREATE VIRTUAL TABLE search_gram_list USING fts5vocab (search_gram, instance);
-- Each engine has a step.
-- @postgres
SELECT 1;
