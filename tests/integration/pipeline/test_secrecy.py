"""No clear value of a masked column and no password lands on disk: target, quarantine, staging, store, output."""

from __future__ import annotations

from pathlib import Path

from sync_provider.core import engine
from tests.integration.pipeline.project import Project

YAML = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
      people:
        files: people.csv
        primary_key: id
        columns:
          id: {type: integer}
          born: {type: date}
        checks:
          - regex: {phone: '^1[0-9]{10}$'}
          - expr: "length(name) < 20"
        mask:
          phone: {method: hmac, key: mask_key}
          name: partial
          born: redact
    """
SECRETS = ["13800138000", "13911112222", "王小明明明", "1999-09-09", "not-a-phone-99", "not-a-date-77"]
SECRETS += ["k3y-of-the-tests"]


def _rows(project: Project) -> None:
    project.yaml("crm", YAML)
    project.csv(
        "people.csv",
        "id,phone,name,born",
        "1,13800138000,王小明明明,1999-09-09",
        "2,not-a-phone-99,王小明明明,1999-09-09",
        "3,13911112222,王小明明明,not-a-date-77",
    )


def _leaks(folder: Path) -> list[tuple[str, str]]:
    """Return (file, secret) of every file below a folder that holds a secret in any of its bytes."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += [(path.name, secret) for secret in SECRETS if secret.encode() in content]
    return found


def test_nothing_clear_is_staged_or_stored(lite: Project) -> None:
    _rows(lite)
    plan, cancel = lite.plan("crm.people"), engine.Cancel()
    ticket = engine.check(plan, engine.RunRequest("r1"), lite.connections)
    handover = engine.extract(plan, ticket, lite.connections, cancel)
    staging = lite.root / ".sync" / "staging"
    assert any(staging.rglob("*.arrow")), "there is something to look at"
    for stage in (engine.transform, engine.quality):
        handover = stage(plan, ticket, handover, lite.connections, cancel)
    assert _leaks(staging) == []
    outcome = engine.load(plan, ticket, handover, lite.connections, cancel)
    assert outcome["counters"]["rejected"] == 2
    assert [secret for secret in SECRETS if secret in str((ticket, handover, outcome))] == []
    engine.report(plan, ticket, outcome, lite.connections)
    lite.target_sql("pragma wal_checkpoint(truncate)")
    assert _leaks(lite.root / ".sync") == []
    assert _leaks(lite.root / "target.db") == []
    content = (lite.root / "target.db").read_bytes()
    assert [secret for secret in SECRETS if secret.encode() in content] == []


def test_nothing_clear_is_printed(lite: Project) -> None:
    _rows(lite)
    for command in (["run", "erp.crm.people"], ["run", "erp.crm.people", "--json"], ["preview", "erp.crm.people"]):
        done = lite.call(*command)
        assert done.returncode == 0, done.stderr
        assert [secret for secret in SECRETS if secret in done.stdout + done.stderr] == []


def test_the_servers_words_about_a_value_are_kept_away(pg: Project) -> None:
    query = "select id, phone, phone::integer as number from people"
    interface = f"{{query: '{query}', primary_key: id, mask: {{phone: redact, number: redact}}}}"
    source = "source: {type: postgres, connection: shop}\ntarget: {connection: dwh, schema: ods}\n"
    pg.yaml("crm", f"{source}interfaces:\n  people: {interface}\n")
    pg.source_sql("create table people (id int, phone text)", "insert into people values (1, 'not-a-phone-99')")
    done = pg.call("run", "erp.crm.people")
    assert done.returncode == 1
    told = done.stdout + done.stderr + str(pg.rows("select error from ods._sync_load"))
    assert "cannot compute (SQLSTATE 22P02)" in told
    assert [secret for secret in SECRETS if secret in told] == []
    assert _leaks(pg.root / ".sync") == []


def test_the_scan_finds_what_is_there(lite: Project) -> None:
    """The test of the test: the source file holds the secrets."""
    _rows(lite)
    assert len(_leaks(lite.root / "inbox")) == len(SECRETS) - 1
