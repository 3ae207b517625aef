"""AIRFLOW_CONN_* is read as Airflow reads it, without Airflow."""

from __future__ import annotations

import pytest

from sync_provider.cli.connections import from_text, lookup
from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (
            "postgresql://sync:p%40ss@db1:5432/ods?sslmode=require",
            ConnectionInfo("c", "postgres", "db1", 5432, "sync", "p@ss", "ods", {"sslmode": "require"}),
        ),
        ("sqlite:////tmp/x.db", ConnectionInfo("c", "sqlite", schema="/tmp/x.db")),
        ("postgres://db1?__extra__=%7B%22a%22%3A+1%7D", ConnectionInfo("c", "postgres", "db1", extra={"a": 1})),
        (
            '{"conn_type": "google-cloud-platform", "extra": "{\\"a\\": 1}", "port": "1"}',
            ConnectionInfo("c", "google_cloud_platform", port=1, extra={"a": 1}),
        ),
    ],
)
def test_both_spellings(text: str, want: ConnectionInfo) -> None:
    assert from_text("c", text) == want


def test_airflow_reads_the_same() -> None:
    from airflow.sdk import Connection

    text = "postgres://sync:p%40ss@db1:5432/ods"
    theirs, ours = Connection.from_uri(text, conn_id="c"), from_text("c", text)
    fields = ("host", "port", "login", "password", "schema")
    assert [getattr(theirs, name) for name in fields] == [getattr(ours, name) for name in fields]


def test_an_unreadable_connection_never_shows_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DWH", "{not json, password=hunter2")
    with pytest.raises(ConfigError) as caught:
        lookup("dwh")
    assert "AIRFLOW_CONN_DWH" in str(caught.value)
    assert "hunter2" not in str(caught.value)
