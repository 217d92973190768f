-- Finding. Candidates come from an index with the limit inside it; they are looked at again and put in order in C.

-- ---- candidates ----

-- The start of a name: in the order of the index, whole names first.
-- name: search_by_name -> search_name
SELECT k.key, c.root_id
  FROM (SELECT key, customer_id FROM customer_key WHERE key >= :first AND key < :end ORDER BY key, customer_id LIMIT :n) k
  JOIN customer c ON c.id = k.customer_id
 LIMIT 1000;

-- All pieces (blank-separated), the newest documents first.
-- name: search_by_pieces -> search_found_doc @sqlite
SELECT d.customer_id, d.text
  FROM search_gram g JOIN search_doc d ON d.id = g.rowid
 WHERE g.search_gram MATCH '"' || replace(:pieces, ' ', '" "') || '"'
 ORDER BY g.rowid DESC LIMIT :n;

-- name: search_by_pieces -> search_found_doc @postgres
SELECT customer_id, text FROM search_doc
 WHERE string_to_array(grams, ' ') @> string_to_array(:pieces, ' ') LIMIT :n;

-- PostgreSQL alone, where all pieces are common: among the newest documents, until there are enough.
-- name: search_by_newest -> search_found_doc @sqlite
SELECT d.customer_id, d.text
  FROM search_gram g JOIN search_doc d ON d.id = g.rowid
 WHERE g.search_gram MATCH '"' || replace(:pieces, ' ', '" "') || '"'
 ORDER BY g.rowid DESC LIMIT :n;

-- name: search_by_newest -> search_found_doc @postgres
SELECT n.customer_id, n.text
  FROM (SELECT customer_id, text, grams FROM search_doc ORDER BY id DESC LIMIT 2000) n
 WHERE strpos(n.grams, split_part(:pieces, ' ', 1)) > 0
   AND string_to_array(n.grams, ' ') @> string_to_array(:pieces, ' ') LIMIT :n;

-- The same in the middle of the store.
-- name: search_by_middle -> search_found_doc @sqlite
SELECT d.customer_id, d.text
  FROM search_gram g JOIN search_doc d ON d.id = g.rowid
 WHERE g.search_gram MATCH '"' || replace(:pieces, ' ', '" "') || '"'
 ORDER BY g.rowid DESC LIMIT :n;

-- name: search_by_middle -> search_found_doc @postgres
SELECT n.customer_id, n.text
  FROM (SELECT customer_id, text, grams FROM search_doc
         WHERE id <= (SELECT max(l.id) / 2 FROM search_doc l) ORDER BY id DESC LIMIT 4000) n
 WHERE strpos(n.grams, split_part(:pieces, ' ', 1)) > 0
   AND string_to_array(n.grams, ' ') @> string_to_array(:pieces, ' ') LIMIT :n;

-- name: search_sample -> search_sample
SELECT text FROM search_doc WHERE id IN {{ints}} :ids LIMIT 1000;

-- name: search_order -> search_order
SELECT o.id, o.number, r.id, r.name, r.lang, o.at_ms
  FROM orders o JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id
 WHERE o.number >= :first AND o.number < :end
 ORDER BY o.number LIMIT :n;

-- name: search_order_by_end -> search_order @sqlite
SELECT o.id, o.number, r.id, r.name, r.lang, o.at_ms
  FROM (SELECT id, number, customer_id, at_ms FROM orders
         WHERE substr(number, -4) = substr(:last, -4) AND substr(number, -length(:last)) = :last ORDER BY id DESC LIMIT :n) o
  JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id;

-- name: search_order_by_end -> search_order @postgres
SELECT o.id, o.number, r.id, r.name, r.lang, o.at_ms
  FROM (SELECT id, number, customer_id, at_ms FROM orders
         WHERE right(number, 4) = right(:last, 4) AND right(number, length(:last)) = :last ORDER BY id DESC LIMIT :n) o
  JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id;

-- ---- what is shown of them ----

-- name: search_shown -> search_shown
SELECT r.id, r.kind, r.name, r.lang, r.company, r.city, COALESCE(s.last_contact_ms, 0), COALESCE(s.is_vip, 0)
  FROM customer r LEFT JOIN standing s ON s.customer_id = r.id
 WHERE r.id IN {{ints}} :ids LIMIT 500;

-- name: search_standing -> search_standing
SELECT customer_id, last_contact_ms, is_vip FROM standing WHERE customer_id IN {{ints}} :ids LIMIT 2000;

-- How numbers are written for people.
-- name: search_phones -> search_phone
SELECT value, shown FROM identity_value WHERE value IN {{texts}} :values AND type = 'phone' LIMIT 500;

-- ---- the index ----

-- name: search_due_list -> search_due_row
SELECT id, customer_id FROM search_due ORDER BY id LIMIT :n;

-- name: search_due_done
DELETE FROM search_due WHERE id IN {{ints}} :ids;

-- name: search_roots -> search_root
SELECT id, root_id FROM customer WHERE id IN {{ints}} :ids ORDER BY id LIMIT 1000;

-- name: search_fill_page -> search_root
SELECT id, root_id FROM customer WHERE id > :after ORDER BY id LIMIT :n;

-- name: search_names -> search_record
SELECT c.root_id, c.name, c.reading, c.company
  FROM customer c WHERE c.root_id IN {{ints}} :roots ORDER BY c.root_id, c.id LIMIT 20000;

-- name: search_handles -> search_handle_row
SELECT c.root_id, v.type, v.value
  FROM customer c JOIN identity_owner o ON o.customer_id = c.id JOIN identity_value v ON v.id = o.value_id
 WHERE c.root_id IN {{ints}} :roots AND (o.state <> 'wrong' OR substr(v.value, 1, 1) = '!')
   AND v.type IN ('phone', 'email', 'account', 'card', 'social', 'external')
 ORDER BY c.root_id, o.id LIMIT 20000;

-- name: search_tags -> search_tag
SELECT c.root_id, t.name
  FROM customer c JOIN customer_tag x ON x.customer_id = c.id JOIN tag t ON t.id = x.tag_id
 WHERE c.root_id IN {{ints}} :roots
 ORDER BY c.root_id, t.id LIMIT 20000;

-- name: search_docs -> search_doc
SELECT id, customer_id, text FROM search_doc WHERE customer_id IN {{ints}} :customers ORDER BY customer_id LIMIT 2000;

-- name: search_doc_newest -> search_number
SELECT id FROM search_doc ORDER BY id DESC LIMIT 1;

-- Parameters that only the other store needs are named where they do nothing. Plain VALUES: a statement that SQLite would have
-- to take back alone (INSERT … SELECT) makes FTS5 write its lists at once.
-- name: search_doc_insert @sqlite
INSERT INTO search_doc (id, customer_id, text) VALUES (:id, :customer, CASE WHEN :text <> '' AND :pieces <> '' THEN :text ELSE '' END);

-- name: search_doc_insert @postgres
INSERT INTO search_doc (id, customer_id, text, grams) VALUES (:id, :customer, :text, :pieces);

-- name: search_doc_update @sqlite
UPDATE search_doc SET text = :text WHERE id = :id AND :pieces <> '';

-- name: search_doc_update @postgres
UPDATE search_doc SET text = :text, grams = :pieces WHERE id = :id;

-- name: search_doc_delete
DELETE FROM search_doc WHERE id = :id;

-- FTS5 alone: PostgreSQL keeps its lists by itself.
-- name: search_gram_insert @sqlite
INSERT INTO search_gram (rowid, grams) VALUES (:id, :pieces);

-- name: search_gram_insert @postgres
UPDATE search_doc SET grams = :pieces WHERE id = :id;

-- name: search_gram_delete @sqlite
INSERT INTO search_gram (search_gram, rowid, grams) VALUES ('delete', :id, :pieces);

-- name: search_gram_delete @postgres
UPDATE search_doc SET grams = '' WHERE id = :id AND grams = :pieces;

-- name: search_settle @sqlite
INSERT INTO search_gram (search_gram) VALUES ('optimize');

-- name: search_settle @postgres
UPDATE search_doc SET grams = '' WHERE 1 = 0;

-- ---- checking ----

-- PostgreSQL keeps the pieces beside the text.
-- name: search_docs_checked -> search_doc_checked @sqlite
SELECT id, customer_id, text, '' AS grams FROM search_doc WHERE customer_id IN {{ints}} :customers ORDER BY customer_id LIMIT 2000;

-- name: search_docs_checked -> search_doc_checked @postgres
SELECT id, customer_id, text, grams FROM search_doc WHERE customer_id IN {{ints}} :customers ORDER BY customer_id LIMIT 2000;

-- name: search_docs_of -> search_doc
SELECT id, customer_id, text FROM search_doc WHERE id IN {{ints}} :ids ORDER BY id LIMIT 2000;

-- What waits, with the record that answers.
-- name: search_due_roots -> search_due_root
SELECT d.id, d.customer_id, COALESCE(c.root_id, d.customer_id) AS root_id
  FROM search_due d LEFT JOIN customer c ON c.id = d.customer_id
 WHERE d.id > :after ORDER BY d.id LIMIT :n;

-- FTS5's lists from end to end. PostgreSQL keeps its own by itself.
-- name: search_lists @sqlite
SELECT term, doc FROM search_gram_list WHERE term >= :from ORDER BY term LIMIT :n;

-- name: search_lists @postgres
SELECT text AS term, id AS doc FROM search_doc WHERE 1 = 0 AND text >= :from LIMIT :n;

-- name: search_docs_after -> search_root
SELECT d.id, CASE WHEN c.id = c.root_id THEN 0 ELSE d.customer_id END
  FROM search_doc d LEFT JOIN customer c ON c.id = d.customer_id
 WHERE d.id > :after ORDER BY d.id LIMIT :n;
