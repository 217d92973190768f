-- 0041 views: whether a member of staff saw a record before on that day is one look, however much happened to it.
CREATE INDEX audit_views ON audit (customer_id, actor_kind, actor_id, id) WHERE action = 'customer.view';
