-- 0021 list writes: what the orders of the list cost each contact and each order was measured (docs/performance.md). The pairs
-- of activity with times and money cost an order more than all else of its standing; the time of an activity moves only with
-- the activity, and where a walk by last contact begins follows from the days of the activities.

DROP INDEX standing_by_activity;
DROP INDEX standing_by_activity_order;
DROP INDEX standing_by_activity_spent;
CREATE INDEX standing_by_activity ON standing (activity, activity_ms, customer_id);
CREATE INDEX standing_by_activity_since ON standing (activity_ms, customer_id);
