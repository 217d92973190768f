#!/usr/bin/python3
"""Prints a CSV file of made-up people for imports: each tenth row is broken, in four ways.

  import-data.py ROWS              customers
  import-data.py ROWS --text N     contacts with a text of N characters each"""
import random
import sys

FAMILY = "Smith Müller Иванов 田中 王 Nurlanov Garcia Rossi Петрова 佐藤 李 Ким Olsen Novak Dubois".split()
GIVEN = "Anna Bob Иван 愛子 小明 Aigerim Maria Luca Ольга さくら 华 Алия Lars Petr Marie".split()
CITY = "London Berlin Алматы 東京 上海 Astana Madrid Rome Москва 大阪 北京 Oslo Praha Paris".split()
BROKEN = ['%d,"open %d,x,,,,,\n', "%d,few %d\n", '%d,a"b,"x"y%d,,,,,\n', "%d,x%d,,,,,Nowhereland,\n"]


def people(rows, out):
    dice = random.Random(5)
    out("id,First name,Last name,Phone,Email,City,Country,Company\n")
    for i in range(1, rows + 1):
        if i % 10 == 0:
            out(BROKEN[i // 10 % 4] % (i, i))
            continue
        out(f"{i},{dice.choice(GIVEN)},{dice.choice(FAMILY)},+4479{i:08d},p{i}@shop{i % 977}.example,{dice.choice(CITY)},GB,\"Firm, {i % 5003}\"\n")


def contacts(rows, size, out):
    text = ("Thank you; the kettle came, \"\"but\"\" the lid is cracked.\n" * (size // 55 + 1))[:size].rstrip('"')
    out("Ticket ID,Date,Email,Channel,Text\n")
    for i in range(1, rows + 1):
        out(f'{i},2026-10-{i % 28 + 1:02d} 10:00,p{i}@shop.example,email,"{text}"\n')


def main():
    if len(sys.argv) == 2:
        people(int(sys.argv[1]), sys.stdout.write)
    elif len(sys.argv) == 4 and sys.argv[2] == "--text":
        contacts(int(sys.argv[1]), int(sys.argv[3]), sys.stdout.write)
    else:
        sys.exit(__doc__)


main()
