"""`write: replace` in PostgreSQL: the table emptied, or a new one put in its place, within the transaction."""

from __future__ import annotations

from sync_provider.core.contracts import LoadSpec
from sync_provider.core.errors import ConfigError
from sync_provider.core.landing.guarding import check_replace
from sync_provider.core.systems.postgres.names import literal, qualified, quote
from sync_provider.core.systems.postgres.session import PgSession

#: what a table cannot be emptied under
_REFERENCED = """
SELECT c.conname::text AS name, c.conrelid::regclass::text AS other FROM pg_catalog.pg_constraint c
WHERE c.contype = 'f' AND c.confrelid = {table}::regclass AND c.conrelid <> c.confrelid AND c.conparentid = 0
ORDER BY 1"""
#: what would be lost, or go on to mean the old table, were another one put in its place
_BOUND = """
SELECT DISTINCT 'view ' || r.ev_class::regclass AS thing FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
  WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = {table}::regclass
  AND r.ev_class <> {table}::regclass
UNION ALL SELECT 'foreign key ' || quote_ident(conname) FROM pg_catalog.pg_constraint
  WHERE contype = 'f' AND {table}::regclass IN (conrelid, confrelid)
UNION ALL SELECT 'trigger ' || quote_ident(tgname) FROM pg_catalog.pg_trigger
  WHERE tgrelid = {table}::regclass AND NOT tgisinternal
UNION ALL SELECT 'policy ' || quote_ident(polname) FROM pg_catalog.pg_policy WHERE polrelid = {table}::regclass
UNION ALL SELECT 'sequence ' || d.objid::regclass FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  WHERE d.classid = 'pg_class'::regclass AND d.refobjid = {table}::regclass AND d.deptype IN ('a', 'i')
UNION ALL SELECT 'inheritance of ' || inhrelid::regclass FROM pg_catalog.pg_inherits
  WHERE {table}::regclass IN (inhrelid, inhparent)
UNION ALL SELECT 'publication ' || quote_ident(p.pubname) FROM pg_catalog.pg_publication_rel r
  JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = {table}::regclass
UNION ALL SELECT 'grants on column ' || quote_ident(attname) FROM pg_catalog.pg_attribute
  WHERE attrelid = {table}::regclass AND attacl IS NOT NULL AND NOT attisdropped
ORDER BY 1"""
_ABOUT = """
SELECT c.oid::text AS oid, pg_get_userbyid(c.relowner) AS owner, c.relacl IS NOT NULL AS granted,
  c.relpersistence = 'u' AS unlogged, array_to_string(c.reloptions, ', ') AS options,
  has_table_privilege(c.oid, 'TRUNCATE') AS truncates
FROM pg_catalog.pg_class c WHERE c.oid = {table}::regclass"""
_GRANTS = """
SELECT a.privilege_type AS right, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
  AS name, a.is_grantable AS passes_on
FROM pg_catalog.pg_class c, aclexplode(c.relacl) a WHERE c.oid = {table}::regclass AND a.grantee <> c.relowner"""
#: indexes, each by what it is: two of one shape follow each other by age
_INDEXES = """
SELECT c.relname::text AS name FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = {table}::regclass
ORDER BY i.indisprimary, i.indisunique, i.indkey::text, i.indclass::text, i.indoption::text, c.relam,
  pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid), i.indexrelid"""


class Replacing:
    """One replace in one transaction.

    Args:
        kind: pg_class.relkind of the table.

    Raises:
        ConfigError: other things hang on the table, so that its rows, or it itself, cannot be replaced.
    """

    def __init__(self, session: PgSession, spec: LoadSpec, kind: str) -> None:
        self._session = session
        self._spec = spec
        self._kind = kind
        self._target = qualified(spec.schema, spec.table)
        self._new = ""
        if spec.swap:
            self._check_swap()
        else:
            self._check_truncate()

    def begin(self, rows: int) -> tuple[str, int]:
        """Make room for the rows; return the table they go into, and how many rows go.

        Args:
            rows: how many rows come.

        Raises:
            QualityGateError: too few; see `guard:`.
        """
        # others may go on reading, and nobody writes what nobody would count
        self._session.script(f"LOCK TABLE {self._target} IN SHARE ROW EXCLUSIVE MODE")
        held = int(self._session.fetch(f"SELECT count(*) AS n FROM {self._target}")[0]["n"])
        check_replace(self._spec, rows, held)
        about = self._about()
        if self._spec.swap:
            return self._make(about), held
        fast = self._kind in ("r", "p") and about["truncates"]
        self._session.script(f"TRUNCATE {self._target}" if fast else f"DELETE FROM {self._target}")
        return self._target, held

    def end(self) -> None:
        """Put the new table in the place of the old one, under its name, owner, grants and names of indexes."""
        if not self._spec.swap:
            return
        names = [str(row["name"]) for row in self._rows(_INDEXES)]
        made = [str(row["name"]) for row in self._rows(_INDEXES, self._new)]
        self._grant()
        self._session.script(f"DROP TABLE {self._target}")
        self._session.script(f"ALTER TABLE {self._new} RENAME TO {quote(self._spec.table)}")
        for old, new in zip(names, made, strict=True):
            self._session.script(f"ALTER INDEX {qualified(self._spec.schema, new)} RENAME TO {quote(old)}")

    def _make(self, about: dict[str, object]) -> str:
        self._new = qualified(self._spec.schema, f"_sync_new_{about['oid']}")
        unlogged = "UNLOGGED " if about["unlogged"] else ""
        options = f" WITH ({about['options']})" if about["options"] else ""
        self._session.script(f"CREATE {unlogged}TABLE {self._new} (LIKE {self._target} INCLUDING ALL){options}")
        return self._new

    def _grant(self) -> None:
        about, new = self._about(), self._rows(_ABOUT, self._new)[0]
        # what default privileges gave the new table is not what the old one had
        for name in dict.fromkeys(row["name"] for row in self._rows(_GRANTS, self._new)):
            self._session.script(f"REVOKE ALL ON {self._new} FROM {name}")
        for row in self._rows(_GRANTS):
            more = " WITH GRANT OPTION" if row["passes_on"] else ""
            self._session.script(f"GRANT {row['right']} ON {self._new} TO {row['name']}{more}")
        if about["owner"] != new["owner"]:
            self._session.script(f"ALTER TABLE {self._new} OWNER TO {quote(str(about['owner']))}")

    def _check_truncate(self) -> None:
        found = self._rows(_REFERENCED)
        if found:
            named = ", ".join(f"{row['name']} of {row['other']}" for row in found)
            raise ConfigError(
                f"table {self._target} cannot be emptied by `write: replace`: its rows are referenced by {named}",
                "write `write: merge` with a primary_key and `deletes: hard`, or drop the foreign key",
            )

    def _check_swap(self) -> None:
        if self._kind != "r":
            raise ConfigError(f"{self._target} is no plain table, which `replace: swap` needs", "`replace: truncate`")
        if found := [str(row["thing"]) for row in self._rows(_BOUND)]:
            raise ConfigError(
                f"table {self._target} cannot be swapped: it would lose {', '.join(found)}",
                "write `replace: truncate`, which keeps the table",
            )

    def _about(self) -> dict[str, object]:
        return self._rows(_ABOUT)[0]

    def _rows(self, sql: str, table: str = "") -> list[dict[str, object]]:
        return self._session.fetch(sql.format(table=literal(table or self._target)))
