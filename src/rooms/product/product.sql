-- Products.

-- part: product_columns
id, sku, name, price_minor, currency, category, is_active, version;

-- name: product_get -> product_row
SELECT {{product_columns}} FROM product WHERE id = :id;

-- name: product_by_skus -> product_row
SELECT {{product_columns}}
  FROM product WHERE sku IN {{texts}} :skus
 ORDER BY sku LIMIT 1000;

-- Newest first; the patterns are '%' where nothing is asked.
-- name: product_list -> product_row
SELECT {{product_columns}}
  FROM product
 WHERE id < :before AND is_active BETWEEN :least AND :most AND folded LIKE :q ESCAPE '!' AND category LIKE :category ESCAPE '!'
 ORDER BY id DESC LIMIT :n;

-- name: product_insert
INSERT INTO product (id, sku, name, price_minor, currency, category, is_active, folded)
VALUES (:id, :sku, :name, :price, :currency, :category, :is_active, :folded) ON CONFLICT DO NOTHING;

-- name: product_update
UPDATE product
   SET name = :name, price_minor = :price, currency = :currency, category = :category, is_active = :is_active,
       folded = :folded, version = version + 1
 WHERE id = :id AND version = :version;

-- ---- words of what is sold ----

-- name: product_unworded -> product_wording
SELECT p.id, p.folded, p.category FROM product p WHERE p.id > :after ORDER BY p.id LIMIT :n;

-- name: product_worded_to
SELECT w.done_id FROM product_wording w WHERE w.id = 1;

-- name: product_worded
INSERT INTO product_wording (id, done_id) VALUES (1, :to) ON CONFLICT (id) DO UPDATE SET done_id = excluded.done_id;

-- name: product_words_drop
DELETE FROM product_word WHERE product_id = :product;

-- name: product_word_put
INSERT INTO product_word (word, product_id) VALUES (:word, :product) ON CONFLICT DO NOTHING;

-- name: product_by_words
SELECT w.product_id FROM product_word w WHERE w.word IN {{texts}} :words LIMIT 1;
