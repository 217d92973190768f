-- The card and the timeline. Everything goes by `root` and its few ids; what is ordered by time is read one id
-- at a time from an index in that order, so a long history costs as little as a short one.

-- A line of the timeline; between the two stands as much of its text as is wanted.
-- part: line_head
i.id, i.channel, i.direction, i.trust, i.at_ms, s.id, s.name, i.subject;

-- part: line_rest
i.ref_id,
       k.id, k.answer_ms, k.end_ms, k.outcome, k.note, k.cause, k.spoke_name,
       o.id, o.number, o.total_minor, o.currency, o.status
  FROM interaction i
  LEFT JOIN staff s ON s.id = i.staff_id
  LEFT JOIN call k ON i.channel = 'call' AND k.id = i.ref_id
  LEFT JOIN orders o ON i.channel IN ('order', 'purchase') AND o.id = i.ref_id;

-- name: card_line_list -> line_row
SELECT {{line_head}}, substr(i.text, 1, 601), {{line_rest}}
 WHERE i.customer_id = :customer
 ORDER BY i.at_ms DESC, i.id DESC LIMIT :n;

-- name: timeline_list -> line_row
SELECT {{line_head}}, substr(i.text, 1, 4001), {{line_rest}}
 WHERE i.customer_id = :customer AND i.at_ms <= :at AND (i.at_ms < :at OR i.id < :before)
 ORDER BY i.at_ms DESC, i.id DESC LIMIT :n;

-- name: timeline_list_of_channels -> line_row
SELECT {{line_head}}, substr(i.text, 1, 4001), {{line_rest}}
 WHERE i.customer_id = :customer AND i.channel IN (:c1, :c2, :c3, :c4, :c5, :c6, :c7, :c8, :c9, :c10, :c11)
   AND i.at_ms <= :at AND (i.at_ms < :at OR i.id < :before)
 ORDER BY i.at_ms DESC, i.id DESC LIMIT :n;

-- What a find within one timeline reads: whole texts, few columns.
-- name: timeline_look -> look_row
SELECT i.id, i.at_ms, i.subject, i.text, k.note
  FROM interaction i LEFT JOIN call k ON i.channel = 'call' AND k.id = i.ref_id
 WHERE i.customer_id = :customer AND i.at_ms <= :at AND (i.at_ms < :at OR i.id < :before)
 ORDER BY i.at_ms DESC, i.id DESC LIMIT :n;

-- name: timeline_look_of_channels -> look_row
SELECT i.id, i.at_ms, i.subject, i.text, k.note
  FROM interaction i LEFT JOIN call k ON i.channel = 'call' AND k.id = i.ref_id
 WHERE i.customer_id = :customer AND i.channel IN (:c1, :c2, :c3, :c4, :c5, :c6, :c7, :c8, :c9, :c10, :c11)
   AND i.at_ms <= :at AND (i.at_ms < :at OR i.id < :before)
 ORDER BY i.at_ms DESC, i.id DESC LIMIT :n;

-- name: timeline_lines -> line_row
SELECT {{line_head}}, substr(i.text, 1, 4001), {{line_rest}}
 WHERE i.id IN {{ints}} :ids
 ORDER BY i.at_ms DESC, i.id DESC LIMIT 200;

-- name: timeline_line -> line_row
SELECT {{line_head}}, i.text, {{line_rest}}
 WHERE i.id = :id;

-- name: timeline_whose -> number_row
SELECT customer_id FROM interaction WHERE id = :id;

-- part: card_order_head
o.id, o.number, o.at_ms, o.status, o.total_minor, o.currency;

-- Named by its first line.
-- part: card_order_tail
(SELECT l.name FROM order_line l WHERE l.order_id = o.id ORDER BY l.line LIMIT 1), o.due_ms;

-- name: card_order_list -> card_order
SELECT {{card_order_head}},
       (SELECT count(*) FROM order_line l WHERE l.order_id = o.id),
       {{card_order_tail}}
  FROM orders o
 WHERE o.customer_id = :customer
 ORDER BY o.at_ms DESC, o.id DESC LIMIT :n;

-- Of one id of the record: joined to its ids PostgreSQL would read all open orders there are, as long as its statistics know
-- of few. Those without a day come last.
-- name: card_open_orders -> card_order
SELECT {{card_order_head}}, CAST(0 AS BIGINT),
       {{card_order_tail}}
  FROM orders o
 WHERE o.customer_id = :customer AND (o.status = 'open' OR o.status = 'paid' OR o.status = 'shipped')
 ORDER BY COALESCE(o.due_ms, 9223372036854775807), o.id LIMIT 10;

-- name: card_calls -> card_call
SELECT k.id, k.ring_ms, k.answer_ms, k.state, s.name, k.outcome, k.reason, k.note, k.spoke_id, k.spoke_name
  FROM call k LEFT JOIN staff s ON s.id = k.staff_id
 WHERE k.customer_id = :customer
 ORDER BY k.ring_ms DESC LIMIT :n;

-- Others who have a handle of this record.
-- name: card_candidates -> card_candidate
SELECT r.id, r.name, r.lang, v.type
  FROM customer m
  JOIN identity_owner o ON o.customer_id = m.id AND o.state <> 'wrong'
  JOIN identity_owner x ON x.value_id = o.value_id AND x.customer_id <> o.customer_id AND x.state <> 'wrong'
  JOIN customer c ON c.id = x.customer_id
  JOIN customer r ON r.id = c.root_id
  JOIN identity_value v ON v.id = o.value_id
 WHERE m.root_id = :root AND c.root_id <> :root2
 ORDER BY x.last_ms DESC LIMIT 20;

-- name: card_last_call_of -> number_row
SELECT k.ring_ms FROM call k WHERE k.customer_id = :customer ORDER BY k.ring_ms DESC LIMIT 1;

-- How often the caller's answers were right.
-- name: card_checked -> number_row
SELECT count(*) FROM call_check WHERE call_id = :call AND is_right = 1;
