-- Products.

-- name: product_get -> product_row
SELECT id, sku, name, price_minor, currency, category, version FROM product WHERE id = :id;

-- name: product_by_sku -> product_row
SELECT id, sku, name, price_minor, currency, category, version FROM product WHERE sku = :sku;

-- name: product_by_skus -> product_row
SELECT id, sku, name, price_minor, currency, category, version
  FROM product WHERE sku IN {{texts}} :skus
 ORDER BY sku LIMIT 1000;

-- name: product_list -> product_row
SELECT id, sku, name, price_minor, currency, category, version
  FROM product WHERE id < :before
 ORDER BY id DESC LIMIT :n;

-- name: product_insert
INSERT INTO product (id, sku, name, price_minor, currency, category)
VALUES (:id, :sku, :name, :price, :currency, :category) ON CONFLICT DO NOTHING;

-- name: product_update
UPDATE product SET name = :name, price_minor = :price, currency = :currency, category = :category, version = version + 1
 WHERE id = :id AND version = :version;
