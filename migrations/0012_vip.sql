-- 0012 vip: whose value is greatest; what the turn of the day remembers of the rules it counted by.

CREATE INDEX standing_by_value ON standing (spent_365d_minor, customer_id) WHERE spent_365d_minor > 0;
CREATE INDEX standing_vips ON standing (customer_id) WHERE is_vip = 1;

-- counted: customers with a value, while the share is found. rules, vip_rules: as they were at the last count.
ALTER TABLE standing_turn ADD COLUMN counted {{int}} NOT NULL DEFAULT 0;
ALTER TABLE standing_turn ADD COLUMN rules {{text}} NOT NULL DEFAULT '';
ALTER TABLE standing_turn ADD COLUMN vip_rules {{text}} NOT NULL DEFAULT '';
