"""The invented data of the demo: the same at every run, in two languages, and as dirty as real data is."""

from __future__ import annotations

import csv
import random
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

_START = datetime(2026, 7, 1, 8)
_CITIES = ("上海", "北京", "广州", "成都", "Berlin", "London", "Singapore")
_FAMILY = "王李张刘陈杨赵黄周吴"
_GIVEN = ("伟", "芳", "娜", "秀英", "敏", "静", "磊", "洋", "艳", "勇")
_FIRST = ("Alice", "Bob", "Carla", "David", "Emma", "Frank", "Grace", "Henry")
_LAST = ("Smith", "Jones", "Garcia", "Müller", "Rossi", "Novak", "O'Neil", "Larsen")
_BAD_EMAILS = ("not given", "li.na@", "@example.com", "wang wei@example.com", "n/a", "emma.example.com")
_PRODUCTS = ("茶杯 Tea cup", "雨伞 Umbrella", "台灯 Desk lamp", "背包 Backpack", "键盘 Keyboard", "毛巾 Towel")
_REASONS = ("尺寸不合", "质量问题", "不想要了", "wrong colour", "broken on arrival", "七天无理由")


def make_database(path: Path) -> None:
    """Write the shop's SQLite database: customers with duplicates and bad addresses, orders, products."""
    draw = random.Random(20260701)
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE customers (id INTEGER, name TEXT, email TEXT, phone TEXT, city TEXT, updated_at TIMESTAMP);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, amount DECIMAL(12,2), status TEXT,
                                 updated_at TIMESTAMP);
            CREATE TABLE products (sku TEXT PRIMARY KEY, name TEXT, category TEXT, price DECIMAL(10,2));
            """
        )
        connection.executemany("INSERT INTO customers VALUES (?,?,?,?,?,?)", _customers(draw))
        connection.executemany("INSERT INTO orders VALUES (?,?,?,?,?)", _orders(draw))
        connection.executemany("INSERT INTO products VALUES (?,?,?,?)", _products(draw))
    connection.close()


def make_files(folder: Path) -> None:
    """Write the shop's CSV files: two months of orders, `abc` for an amount in row 1000, and returns in GB18030."""
    draw = random.Random(20260801)
    folder.mkdir(parents=True, exist_ok=True)
    for month, bad in (("07", {1000: "abc", 2048: "12.5.0"}), ("08", {17: "一百", 1500: "1299.999"})):
        with open(folder / f"orders_2026-{month}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("order_no", "customer", "amount", "ordered_at"))
            for number in range(1, 2501):
                amount = bad.get(number, f"{draw.uniform(5, 900):.2f}")
                order_no = "" if number == 777 else f"A{month}{number:05}"
                writer.writerow((order_no, _person(draw), amount, _moment(draw).isoformat(sep=" ")))
    with open(folder / "returns_2026-08.csv", "w", newline="", encoding="gb18030") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(("return_no", "order_no", "quantity", "reason"))
        for number in range(1, 401):
            quantity = 0 if number in (40, 41, 222) else "two" if number == 300 else draw.randint(1, 5)
            writer.writerow((f"R{number:05}", f"A08{draw.randint(1, 2500):05}", quantity, draw.choice(_REASONS)))


def _customers(draw: random.Random) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for number in range(1, 1201):
        name = None if number % 300 == 150 else f" {_person(draw)} " if number % 50 == 0 else _person(draw)
        email = _BAD_EMAILS[number // 60 % len(_BAD_EMAILS)] if number % 60 == 7 else f"user{number}@example.com"
        phone = f"1{draw.choice('35789')}{draw.randrange(10**9):09}"
        moment = _moment(draw)
        rows.append((number, name, email, phone, draw.choice(_CITIES), _text(moment)))
        if number % 80 == 0:  # the same customer once more, with an older address
            rows.append((number, name, f"old{number}@example.com", phone, "上海", _text(moment - timedelta(days=90))))
    return rows


def _orders(draw: random.Random) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for number in range(1, 5001):
        amount = round(draw.uniform(1, 2000), 2) * (-1 if number % 200 == 13 else 1)
        status = "PAYED" if number % 500 == 99 else draw.choice(("new", "paid", "shipped", "done"))
        rows.append((number, draw.randint(1, 1200), amount, status, _text(_START + timedelta(minutes=7 * number))))
    return rows


def _products(draw: random.Random) -> list[tuple[object, ...]]:
    return [
        (f"P{number:04}", f"{draw.choice(_PRODUCTS)} {number}", None if number % 25 == 0 else "home",
         round(draw.uniform(2, 300), 2))
        for number in range(1, 301)
    ]  # fmt: skip


def _person(draw: random.Random) -> str:
    chinese = draw.choice(_FAMILY) + draw.choice(_GIVEN)
    return chinese if draw.random() < 0.6 else f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"


def _moment(draw: random.Random) -> datetime:
    return _START + timedelta(minutes=draw.randrange(60 * 24 * 50))


def _text(moment: datetime) -> str:
    return moment.isoformat(sep=" ")
