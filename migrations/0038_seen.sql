-- 0038 seen: contacts that tell where from they came, or that somebody was there in person. Who is judged is asked for those
-- of his newest thirty contacts, after each contact; most calls and letters say neither, and are not read for it.

CREATE INDEX interaction_seen ON interaction (customer_id, at_ms) WHERE ip <> '' OR channel IN ('visit', 'purchase');
