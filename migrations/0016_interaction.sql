-- 0016 interaction: one index for the timeline, of all channels and of one. Every contact writes it, at a random place.

CREATE INDEX interaction_of_customer ON interaction (customer_id, at_ms, id, channel);
DROP INDEX interaction_by_customer;
DROP INDEX interaction_of_channel;
