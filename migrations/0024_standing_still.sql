-- 0024 standing still: an action for many that failed says so and why, in the language of who started it, and can be
-- gone on with; a segment that could not be filled likewise. Actions whose job gave up before this are told as failed.

ALTER TABLE bulk_action RENAME TO bulk_action_was;
CREATE TABLE bulk_action (
    id         {{id}},
    action     {{text}} NOT NULL,
    field      {{text}} NOT NULL,
    value      {{text}} NOT NULL,
    reason     {{text}} NOT NULL,
    filter     {{text}} NOT NULL,
    q          {{text}} NOT NULL,
    is_all     {{int}}  NOT NULL,
    ids        {{text}} NOT NULL,
    after_id   {{int}}  NOT NULL DEFAULT 0,
    undo_at    {{int}}  NOT NULL DEFAULT 0,
    state      {{text}} NOT NULL DEFAULT 'running'
               CHECK (state IN ('running', 'done', 'cancelled', 'failed', 'undoing', 'undone', 'undo_failed')),
    failure    {{text}} NOT NULL DEFAULT '', -- why it stands still, a sentence
    total      {{int}}  NOT NULL,
    looked     {{int}}  NOT NULL DEFAULT 0,
    changed    {{int}}  NOT NULL DEFAULT 0,
    moved      {{int}}  NOT NULL DEFAULT 0,
    actor_kind {{text}} NOT NULL,
    actor_id   {{int}}  NOT NULL,
    role       {{text}} NOT NULL,
    actor_name {{text}} NOT NULL,
    lang       {{text}} NOT NULL DEFAULT 'en',
    made_ms    {{int}}  NOT NULL,
    done_ms    {{int}}
){{strict}};
INSERT INTO bulk_action (id, action, field, value, reason, filter, q, is_all, ids, after_id, undo_at, state, total, looked,
                         changed, moved, actor_kind, actor_id, role, actor_name, made_ms, done_ms)
    SELECT b.id, b.action, b.field, b.value, b.reason, b.filter, b.q, b.is_all, b.ids, b.after_id, b.undo_at,
           CASE WHEN b.state = 'running' AND EXISTS (SELECT 1 FROM job j WHERE j.kind = 'list.bulk' AND j.state = 'failed' AND j.args = CAST(b.id AS TEXT))
                THEN 'failed'
                WHEN b.state = 'undoing' AND EXISTS (SELECT 1 FROM job j WHERE j.kind = 'list.undo' AND j.state = 'failed' AND j.args = CAST(b.id AS TEXT))
                THEN 'undo_failed' ELSE b.state END,
           b.total, b.looked, b.changed, b.moved, b.actor_kind, b.actor_id, b.role, b.actor_name, b.made_ms, b.done_ms
      FROM bulk_action_was b;
DROP TABLE bulk_action_was;

ALTER TABLE segment ADD COLUMN failure {{text}} NOT NULL DEFAULT ''; -- code of the error that the filling ended with
