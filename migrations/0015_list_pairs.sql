-- 0015 list pairs: a filter and an order that hang together: who is lost stands at the end of 'last contact', Japanese
-- names behind all Latin ones. Walking the order would find such rows late, so these pairs have an index of their own.
-- What they cost each write stands in docs/performance.md.

DROP INDEX customer_by_country;
DROP INDEX standing_vip;
CREATE INDEX customer_by_country ON customer (country, lower(substr(name, 1, 40)), id);
CREATE INDEX customer_company_by_name ON customer (lower(substr(name, 1, 40)), id) WHERE kind = 'company';
CREATE INDEX standing_by_activity_order ON standing (activity, last_order_ms, customer_id);
CREATE INDEX standing_by_activity_spent ON standing (activity, spent_minor, customer_id);
CREATE INDEX standing_company_by_contact ON standing (last_contact_ms, customer_id) WHERE kind = 'company';
CREATE INDEX standing_company_by_spent ON standing (spent_minor, customer_id) WHERE kind = 'company';
CREATE INDEX standing_vip_by_contact ON standing (last_contact_ms, customer_id) WHERE is_vip = 1;
CREATE INDEX standing_vip_by_order ON standing (last_order_ms, customer_id) WHERE is_vip = 1;
CREATE INDEX standing_vip_by_spent ON standing (spent_minor, customer_id) WHERE is_vip = 1;
