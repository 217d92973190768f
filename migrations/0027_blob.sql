-- 0027 blob: files beside the rows are sealed, each with a key of its own that stands here, wrapped by the ring; erasing a
-- file is deleting its key. id and kind: of what the file belongs to ('import').

CREATE TABLE blob (
    id      {{id}},
    kind    {{text}} NOT NULL,
    wrapped {{blob}} NOT NULL,
    made_ms {{int}}  NOT NULL
){{strict}};
