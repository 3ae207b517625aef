"""What a row expression may call, and what to write instead of what it may not."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


#: row-wise functions of polars' SQL that give the same answer today and tomorrow, wherever a batch is cut
FUNCTIONS = words(
    """
    abs ceil ceiling floor round sign sqrt power pow mod exp ln log2 log10
    greatest least coalesce ifnull nullif if
    upper lower initcap length char_length character_length octet_length reverse
    trim ltrim rtrim replace substr substring left right lpad rpad concat concat_ws
    starts_with ends_with strpos position split_part regexp_like regexp_replace
    extract date_part year quarter month week day hour minute second strftime
    cast try_cast
    """
)

#: words that stand before a bracket and are no function
KEYWORDS = words("and or not in is when then else case between like ilike rlike regexp as decimal numeric varchar from")

#: types a cast may name
CAST_TYPES = words(
    """
    text varchar string smallint int integer bigint real float double decimal numeric
    boolean bool date time timestamp timestamptz
    """
) | {"double precision"}

#: types that no text can be cast to: the columns stage parses these, exactly
PARSED_TYPES = words("boolean bool date time timestamp timestamptz")

_MANY_ROWS = "looks at more than one row; write a set rule such as `unique`, or aggregate in the source"
_CLOCK = "changes from run to run; compare with a fixed date"
_HASH = "is not a row function here; use `mask: {column: hmac}`"

#: function → why not
REFUSED = {
    **dict.fromkeys(words("sum avg mean count min max median stddev variance first last"), _MANY_ROWS),
    **dict.fromkeys(words("row_number rank dense_rank lag lead first_value last_value ntile"), _MANY_ROWS),
    **dict.fromkeys(words("now current_date current_time current_timestamp random rand uuid"), _CLOCK),
    **dict.fromkeys(words("md5 sha1 sha2 sha256 hash"), _HASH),
    **dict.fromkeys(
        words("to_date to_timestamp strptime date timestamp date_trunc to_char"),
        "is not offered; give the column `type: date` under `columns:`; in a `filter:` compare its text",
    ),
    "exists": "reads other rows; only the row's own columns can be used",
    "isnull": "is not offered; write `column is null`",
    "div": "is not offered; write `floor(a / b)`",
    "nvl": "is not offered; write `coalesce(column, value)`",
    "iif": "is not offered; write `if(condition, a, b)`",
    "btrim": "is not offered; write `trim(column)`",
    "log": "is read differently by databases; write log10(x), log2(x), or ln(x) / ln(base)",
    "len": "is not offered; write `length(column)`",
}
