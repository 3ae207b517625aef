"""The connection type `sync_key`: a secret for masking, kept where Airflow keeps secrets."""

from __future__ import annotations

from airflow.sdk import BaseHook

_SHORTEST = 16


class KeyHook(BaseHook):
    """Reads a masking key from an Airflow connection of type `sync_key`."""

    conn_name_attr = "key_conn_id"
    default_conn_name = "sync_key_default"
    conn_type = "sync_key"
    hook_name = "Sync masking key"

    def __init__(self, key_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.key_conn_id = key_conn_id

    def get_conn(self) -> bytes:
        """Return the key."""
        return (self.get_connection(self.key_conn_id).password or "").encode()

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the key is long enough."""
        if len(self.get_conn()) < _SHORTEST:
            return False, f"the key is shorter than {_SHORTEST} bytes"
        return True, "the key is there"
