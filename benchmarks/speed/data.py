"""The realistic orders table: made by SQL inside PostgreSQL, and what sums its content up in either server."""

from __future__ import annotations

#: name → type in PostgreSQL; 15 columns, about 280 bytes a row as CSV
COLUMNS = {
    "order_id": "bigint NOT NULL",
    "customer_id": "integer NOT NULL",
    "shop_id": "integer NOT NULL",
    "amount": "numeric(12,2) NOT NULL",
    "freight": "numeric(12,2)",
    "status": "text NOT NULL",
    "customer_name": "text NOT NULL",
    "email": "text",
    "phone": "text",
    "address": "text NOT NULL",
    "remark": "text",
    "extra": "text NOT NULL",
    "paid": "boolean NOT NULL",
    "ordered_on": "date NOT NULL",
    "updated_at": "timestamptz NOT NULL",
}
MARIADB_TYPES = {
    "order_id": "BIGINT NOT NULL PRIMARY KEY",
    "customer_id": "INT NOT NULL",
    "shop_id": "INT NOT NULL",
    "amount": "DECIMAL(12,2) NOT NULL",
    "freight": "DECIMAL(12,2)",
    "status": "VARCHAR(20) NOT NULL",
    "customer_name": "VARCHAR(50) NOT NULL",
    "email": "VARCHAR(100)",
    "phone": "VARCHAR(20)",
    "address": "VARCHAR(300) NOT NULL",
    "remark": "VARCHAR(300)",
    "extra": "LONGTEXT NOT NULL",
    "paid": "TINYINT(1) NOT NULL",
    "ordered_on": "DATE NOT NULL",
    "updated_at": "TIMESTAMP(6) NOT NULL DEFAULT '2026-01-01 00:00:00'",
}
NAMES = ", ".join(COLUMNS)
#: what each row's values come from; primes make them neither sorted nor of one length
_VALUES = r"""
SELECT i AS order_id, ((i * 7919) % 500000 + 1)::int AS customer_id, ((i * 104729) % 900 + 1)::int AS shop_id,
  CASE WHEN i % 68993 = 0 THEN -1.50 ELSE round(((i * 1299709) % 98765432) / 1000.0, 2) END AS amount,
  CASE WHEN i % 10 < 7 THEN round(((i * 15485863) % 3000) / 100.0, 2) END AS freight,
  CASE WHEN i % 997 = 0 THEN 'unknown' ELSE (ARRAY['new','paid','shipped','done','closed'])[1 + i % 5] END AS status,
  (ARRAY['张','王','李','赵','陈','刘','杨','黄'])[1 + i % 8]
    || (ARRAY['伟','芳','秀英','敏','静','建国','丽'])[1 + i % 7] AS customer_name,
  CASE WHEN i % 11 = 0 THEN NULL WHEN i % 197 = 0 THEN 'nobody.at.' || i
    ELSE 'user' || (i * 31) % 800000 || '@' || (ARRAY['example.com','mail.example.cn','shop.example.org'])[1 + i % 3]
    END AS email,
  CASE WHEN i % 20 = 0 THEN NULL WHEN i % 511 = 0 THEN '12' || i % 1000
    ELSE '1' || (3 + i % 7) || lpad(((i * 7368787) % 1000000000)::text, 9, '0') END AS phone,
  (ARRAY['上海市浦东新区','北京市海淀区','广东省深圳市南山区','浙江省杭州市'])[1 + i % 4]
    || '世纪大道' || i % 2000 || '号'
    || CASE WHEN i % 50 = 0 THEN E', "东门"\n后院\\3' WHEN i % 9 = 0 THEN ', 2楼' ELSE '' END AS address,
  CASE WHEN i % 5 < 2 THEN '请在' || i % 24 || '点后送货, 谢谢! ' || md5(i::text)
    WHEN i % 1000 = 999 THEN '' END AS remark,
  '{"channel": "' || (ARRAY['app','web','store'])[1 + i % 3] || '", "coupon": ' || (i * 17) % 9999 || ', "tags": ["'
    || left(md5((i * 3)::text), 8) || '", "vip' || i % 6 || '"]}' AS extra,
  i % 3 <> 0 AS paid, date '2024-01-01' + (i % 900)::int AS ordered_on,
  timestamptz '2026-01-01 00:00:00+00' + (i % 15000000) * interval '1.234567 s' AS updated_at"""
#: the share of rows that change between two runs
CHANGED_OF = 20


def make_sql(rows: int) -> list[str]:
    """Return what makes `orders`, `orders_empty` and `orders_changed` in an empty PostgreSQL database."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    changed = NAMES.replace("amount", "amount + 1 AS amount").replace("updated_at", "updated_at + interval '1 day'")
    return [
        f"CREATE TABLE orders ({columns})",
        f"INSERT INTO orders {_VALUES} FROM generate_series(1::bigint, {rows}) AS i",
        "ALTER TABLE orders ADD PRIMARY KEY (order_id)",
        "CREATE TABLE orders_empty (LIKE orders INCLUDING ALL)",
        "CREATE TABLE orders_changed (LIKE orders INCLUDING ALL)",
        f"INSERT INTO orders_changed SELECT {changed} FROM orders WHERE order_id % {CHANGED_OF} = 1",
        "VACUUM ANALYZE orders",
        "VACUUM ANALYZE orders_changed",
    ]


def make_mariadb_sql() -> list[str]:
    """Return what makes an empty `orders` in MariaDB."""
    columns = ", ".join(f"{name} {kind}" for name, kind in MARIADB_TYPES.items())
    return [f"CREATE TABLE orders ({columns}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"]


#: columns as MariaDB's LOAD DATA takes them from PostgreSQL's COPY in text
FOR_MARIADB = NAMES.replace("paid", "paid::int AS paid").replace(
    "updated_at", "updated_at AT TIME ZONE 'UTC' AS updated_at"
)


def digest_sql(rows: str, names: str = NAMES) -> str:
    """Return a query of PostgreSQL that gives (rows, sum of hashes), whatever their order and the spelling of types.

    Args:
        rows: what stands behind FROM.
    """
    same = {
        "paid": "paid::int", "amount": "amount::numeric(20,4)", "freight": "freight::numeric(20,4)",
        "updated_at": "extract(epoch FROM updated_at)::numeric(20,6)",
    }  # fmt: skip
    values = ", ".join(f"coalesce({same.get(name, name)}::text, '~')" for name in names.split(", "))
    return (
        f"SELECT count(*), coalesce(sum(hashtextextended(concat_ws('|', {values}), 0)::numeric), 0)::text FROM {rows}"
    )


def digest_mariadb_sql(rows: str) -> str:
    """Return the same for MariaDB; its sums compare with its own only."""
    values = ", ".join(f"coalesce({name}, '~')" for name in COLUMNS)
    return f"SELECT count(*), coalesce(sum(crc32(concat_ws('|', {values}))), 0) FROM {rows}"
