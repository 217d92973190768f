-- 0035 export list: whose records went out in an export, so that it can be said of each. The act itself stands in the audit, whose
-- ref_id is the id here. An export without a condition holds everybody up to `until_id`, and needs no list.

CREATE TABLE export_list (
    id       {{id}},
    what     {{text}} NOT NULL CHECK (what IN ('customers', 'orders')),
    is_all   {{int}}  NOT NULL, -- without a condition
    until_id {{int}}  NOT NULL, -- the last customer, or order, that it could come to
    is_done  {{int}}  NOT NULL  -- it came to its end; else it was broken off, and more may have been in it than is listed
){{strict}};

-- Customers of some pages: the first, then the differences, as numbers of 7 bits a byte.
CREATE TABLE export_part (
    id        {{id}},
    export_id {{int}}  NOT NULL REFERENCES export_list (id) ON DELETE CASCADE,
    first_id  {{int}}  NOT NULL,
    last_id   {{int}}  NOT NULL,
    ids       {{blob}} NOT NULL
){{strict}};
CREATE INDEX export_part_by_customer ON export_part (export_id, first_id, last_id);
