-- 0028 names folded: names are ordered and looked up in the one form of comparison, so that Пушкин and пушкин, É and é stand
-- together; lower() knows the letters of ASCII only.

DROP INDEX customer_by_name;
DROP INDEX customer_by_country;
DROP INDEX customer_company_by_name;
CREATE INDEX customer_by_name ON customer (substr(folded_name, 1, 40), id);
CREATE INDEX customer_by_country ON customer (country, substr(folded_name, 1, 40), id);
CREATE INDEX customer_company_by_name ON customer (substr(folded_name, 1, 40), id) WHERE kind = 'company';
