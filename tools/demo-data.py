#!/usr/bin/env python3
"""Makes data/retail.txt.gz, the history of the demo company, from the UCI Online Retail data set.

    tools/demo-data.py online_retail.csv.gz > data/retail.txt.gz

Source: Chen, D. (2015), Online Retail, UCI Machine Learning Repository, https://doi.org/10.24432/C5BW33, CC BY 4.0
(table as in the R package onlineretail, CC0). Kept: rows with a customer, goods (no postage, fees or
corrections), at most 40 lines an order; descriptions in sentence case. Customers are numbered anew, so that nothing leads
back to the numbers of the source.

Format, one record a line, fields by tab; numbers in base 10:
    P  sku  name                            product, numbered from 0 in order of appearance
    O  customer  minutes  country  lines    order: minutes before the last minute of the data; lines "product:quantity:price"
    R  customer  minutes  lines             return of goods
Prices are pence. Orders are sorted by customer, then oldest first.
"""
import csv
import datetime
import gzip
import re
import sys

COUNTRY = {
    "United Kingdom": "GB", "Germany": "DE", "France": "FR", "Spain": "ES", "Belgium": "BE", "Switzerland": "CH",
    "Portugal": "PT", "Italy": "IT", "Austria": "AT", "Australia": "AU", "Norway": "NO", "Channel Islands": "JE",
    "Netherlands": "NL", "Japan": "JP", "Sweden": "SE", "Finland": "FI", "Poland": "PL", "Denmark": "DK", "Canada": "CA",
    "EIRE": "IE", "Israel": "IL", "Cyprus": "CY", "Greece": "GR", "United Arab Emirates": "AE", "Bahrain": "BH",
    "Malta": "MT", "Lithuania": "LT", "Iceland": "IS", "Singapore": "SG", "Lebanon": "LB", "Saudi Arabia": "SA",
    "Czech Republic": "CZ", "Brazil": "BR", "USA": "US",
}
LINES_MAX = 40


def sentence(text):
    words = re.sub(r"\s+", " ", text.strip()).lower()
    return words[:1].upper() + words[1:]


def main():
    with gzip.open(sys.argv[1], "rt", encoding="utf-8", newline="") as f:
        rows = [r for r in csv.DictReader(f) if r["CustomerID"]]
    at = {r["InvoiceNo"]: datetime.datetime.fromisoformat(r["InvoiceDate"]) for r in rows}
    last = max(at.values())
    products, names, orders, customers = {}, [], {}, {}
    for r in rows:
        sku, name = r["StockCode"].strip(), r["Description"].strip()
        pence, quantity = round(float(r["UnitPrice"]) * 100), int(r["Quantity"])
        if not re.match(r"^\d{5}", sku) or not name or pence <= 0 or quantity == 0:
            continue
        if sku not in products:
            products[sku] = len(names)
            names.append((sku, sentence(name)))
        order = orders.setdefault(r["InvoiceNo"], (r["CustomerID"], COUNTRY.get(r["Country"], ""), []))
        if len(order[2]) < LINES_MAX:
            order[2].append("%d:%d:%d" % (products[sku], abs(quantity), pence))
    for invoice, (customer, _, _) in sorted(orders.items(), key=lambda o: at[o[0]]):
        customers.setdefault(customer, len(customers))
    out = ["P\t%s\t%s" % p for p in names]
    for invoice, (customer, country, lines) in sorted(
            orders.items(), key=lambda o: (customers[o[1][0]], at[o[0]])):
        minutes = int((last - at[invoice]).total_seconds() // 60)
        if invoice.startswith("C"):
            out.append("R\t%d\t%d\t%s" % (customers[customer], minutes, " ".join(lines)))
        else:
            out.append("O\t%d\t%d\t%s\t%s" % (customers[customer], minutes, country, " ".join(lines)))
    with gzip.GzipFile(filename="", mode="wb", fileobj=sys.stdout.buffer, mtime=0, compresslevel=9) as z:
        z.write(("\n".join(out) + "\n").encode())


main()
