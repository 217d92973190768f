-- name: segment_names -> customer_ref_row
SELECT c.id, c.name FROM customer c WHERE c.id IN {{ints}} :ids ORDER BY c.id DESC LIMIT 100;
