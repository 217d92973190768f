-- name: attributes_orders -> attributes_order
SELECT o.at_ms, o.base_minor, o.status, o.channel, o.is_discounted, o.payment_method, o.number
  FROM customer r JOIN orders o ON o.customer_id = r.id
 WHERE r.root_id = :root
 LIMIT 100000;

-- name: attributes_products -> attributes_product
SELECT o.at_ms, l.sku, COALESCE(p.category, ''), l.quantity_milli
  FROM customer r JOIN orders o ON o.customer_id = r.id JOIN order_line l ON l.order_id = o.id
       LEFT JOIN product p ON p.id = l.product_id
 WHERE r.root_id = :root
 LIMIT 100000;
