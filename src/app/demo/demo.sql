-- Rows of the demo company and the generator, for empty tables only (bulk_row: every column once, in the table's words).

-- name: demo_customer
INSERT INTO customer (id, root_id, kind, name, reading, given, family, patronymic, form_of_address, lang, time_zone, country,
                      region, city, company, heard_of_us, created_ms, changed_ms, folded_name, folded_city, folded_company,
                      folded_heard_of_us, folded_region)
VALUES (:id, :root, :kind, :name, :reading, :given, :family, :patronymic, :form_of_address, :lang, :time_zone, :country,
        :region, :city, :company, :heard_of_us, :created, :changed, :folded_name, :folded_city, :folded_company,
        :folded_heard_of_us, :folded_region);

-- name: demo_key
INSERT INTO customer_key (key, customer_id) VALUES (:key, :customer);

-- name: demo_value
INSERT INTO identity_value (id, type, value, shown, reversed) VALUES (:id, :type, :value, :shown, :reversed);

-- name: demo_owner
INSERT INTO identity_owner (value_id, customer_id, id, state, given, source, first_ms, last_ms)
VALUES (:value, :customer, :id, :state, :given, :source, :first, :last);

-- name: demo_standing
INSERT INTO standing (customer_id, kind, activity, is_vip, vip_by, activity_due_ms, activity_ms, first_ms, last_contact_ms,
       last_order_ms, contacts, orders, discounted, spent_minor, returned_minor, discount_minor, orders_365d,
       spent_365d_minor, orders_180d, spent_180d_minor, orders_90d, spent_90d_minor, orders_30d, spent_30d_minor, orders_7d,
       spent_7d_minor, contacts_7d, contacts_30d, contacts_90d, contacts_180d, contacts_365d, returned_7d_minor,
       returned_30d_minor, returned_90d_minor, returned_180d_minor, returned_365d_minor, discount_7d_minor,
       discount_30d_minor, discount_90d_minor, discount_180d_minor, discount_365d_minor, discounted_7d, discounted_30d,
       discounted_90d, discounted_180d, discounted_365d)
VALUES (:customer, :kind, :activity, :is_vip, :vip_by, :activity_due, :activity_ms, :first, :last_contact, :last_order,
        :contacts, :orders, :discounted, :spent, :returned, :discount, :orders_365d, :spent_365d, :orders_180d, :spent_180d,
        :orders_90d, :spent_90d, :orders_30d, :spent_30d, :orders_7d, :spent_7d, :contacts_7d, :contacts_30d, :contacts_90d,
        :contacts_180d, :contacts_365d, :returned_7d, :returned_30d, :returned_90d, :returned_180d, :returned_365d,
        :discount_7d, :discount_30d, :discount_90d, :discount_180d, :discount_365d, :discounted_7d, :discounted_30d,
        :discounted_90d, :discounted_180d, :discounted_365d);

-- The windows are true for today and nothing is to be counted anew.
-- name: demo_turn
INSERT INTO standing_turn (id, done_day, rebuild_after) VALUES (1, :day, -1);

-- name: demo_interaction
INSERT INTO interaction (id, customer_id, channel, direction, trust, at_ms, staff_id, ref_id, subject, text, matched_by)
VALUES (:id, :customer, :channel, :direction, :trust, :at, :staff, :ref, :subject, :text, :matched_by);

-- name: demo_product
INSERT INTO product (id, sku, name, price_minor, currency, category, folded)
VALUES (:id, :sku, :name, :price, :currency, :category, :folded);

-- name: demo_order
INSERT INTO orders (id, number, customer_id, interaction_id, channel, status, at_ms, due_ms, currency, total_minor,
                    discount_minor, returned_minor, base_minor, payment_method, is_discounted)
VALUES (:id, :number, :customer, :interaction, :channel, :status, :at, :due, :currency, :total, :discount, :returned, :base,
        :payment, :is_discounted);

-- name: demo_order_line
INSERT INTO order_line (order_id, line, product_id, sku, name, quantity_milli, price_minor, total_minor)
VALUES (:order, :line, :product, :sku, :name, :quantity, :price, :total);

-- name: demo_return
INSERT INTO order_return (id, order_id, line, quantity_milli, amount_minor, reason, at_ms)
VALUES (:id, :order, :line, :quantity, :amount, :reason, :at);

-- name: demo_standing_day
INSERT INTO standing_day (customer_id, day, contacts, orders, discounted, spent_minor, returned_minor, discount_minor)
VALUES (:customer, :day, :contacts, :orders, :discounted, :spent, :returned, :discount);

-- name: demo_mark
INSERT INTO customer_mark (customer_id, mark, reason, staff_id, at_ms) VALUES (:customer, :mark, :reason, :staff, :at);

-- name: demo_address
INSERT INTO address (id, customer_id, kind, line, postal, city, region, country, source, at_ms)
VALUES (:id, :customer, :kind, :line, :postal, :city, :region, :country, :source, :at);

-- name: demo_holding
INSERT INTO holding (id, customer_id, product_id, name, serial, plan, number, until_ms, at_ms)
VALUES (:id, :customer, :product, :name, :serial, :plan, :number, :until, :at);

-- name: demo_relation
INSERT INTO relation (id, customer_id, other_id, kind, role, at_ms) VALUES (:id, :customer, :other, :kind, :role, :at);

-- name: demo_task
INSERT INTO task (id, customer_id, kind, title, phone, priority, staff_id, due_ms, created_by, at_ms)
VALUES (:id, :customer, :kind, :title, :phone, :priority, :staff, :due, :by, :at);

-- name: demo_call
INSERT INTO call (id, link_id, source_id, direction, state, number, e164, called, queue, customer_id, ring_ms, answer_ms,
                  end_ms, staff_id, cause, outcome, note, impression, wrapped_ms, interaction_id)
VALUES (:id, :link, :source, :direction, :state, :number, :e164, :called, :queue, :customer, :ring, :answer, :end, :staff,
        :cause, :outcome, :note, :impression, :wrapped, :interaction);

-- name: demo_is_empty -> demo_count
SELECT count(*) FROM (SELECT id FROM customer LIMIT 1) t;

-- Who has the store open, ourselves with them.
-- name: demo_nodes -> demo_count @sqlite
SELECT count(*) FROM node;

-- name: demo_nodes -> demo_count @postgres
SELECT count(*) FROM node WHERE until_ms > CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT);

-- name: demo_staff
INSERT INTO staff (id, email, name, role, password, lang, created_ms, changed_ms)
VALUES (:id, :email, :name, :role, :password, :lang, :created, :changed);

-- name: demo_extension
INSERT INTO staff_extension (extension, staff_id) VALUES (:extension, :staff);

-- name: demo_queue
INSERT INTO staff_queue (queue, staff_id) VALUES (:queue, :staff);

-- name: demo_setting
INSERT INTO setting (name, value, changed_ms) VALUES (:name, :value, :changed);

-- name: demo_phone_link
INSERT INTO phone_link (id, kind, name, hash, region, created_ms) VALUES (:id, :kind, :name, :hash, :region, :created);

-- name: demo_token
INSERT INTO token (id, name, hash, role, scopes, created_ms) VALUES (:id, :name, :hash, :role, :scopes, :created);
