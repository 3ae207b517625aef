"""Opening the store and bringing its schema up to date."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ConnectionInfo, ConnectionLookup
from sync_provider.core.errors import ConfigError, ConnectError, ResourceError
from sync_provider.core.store.tables import REVISION

if TYPE_CHECKING:
    import sqlalchemy as sa

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


def open_store(store: str, connections: ConnectionLookup, wait_s: int | None = None) -> sa.Engine:
    """Open the store without touching its schema.

    Args:
        store: `sqlite:///path`, or the id of an Airflow connection.
        wait_s: seconds a server has to answer; None = as long as its driver waits.
    """
    import sqlalchemy as sa

    if store.startswith("sqlite:///"):
        file = Path(store.removeprefix("sqlite:///"))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResourceError(
                f"store {file}: its folder cannot be made: {error.strerror}",
                fix="let this user write there, or set `store:` in project.yaml to another place",
            ) from error
        return sa.create_engine(store, connect_args={"timeout": 60})
    if "://" in store:
        raise ConfigError("store: only sqlite:/// may be written out", fix="name an Airflow connection for any server")
    url = _url(connections(store))
    waits = {"connect_timeout": wait_s} if wait_s and url.get_backend_name() == "postgresql" else {}
    return sa.create_engine(url, pool_pre_ping=True, connect_args=waits)


def _url(info: ConnectionInfo) -> sa.URL:
    import sqlalchemy as sa

    if info.type == "sqlite":
        return sa.URL.create("sqlite", database=info.host or info.schema)
    if info.type not in _DRIVERS:
        raise ConfigError(
            f"store: connection {info.id!r} is {info.type!r}", fix="use a postgres or sqlite connection for the store"
        )
    url = sa.URL.create(_DRIVERS[info.type], host=info.host, port=info.port, database=info.schema)
    return url.set(username=info.login, password=info.password)


def upgrade(engine: sa.Engine) -> str:
    """Bring the store's tables to this version and return the revision; safe to call again."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # two first runs at once: one creates, one waits
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        context = MigrationContext.configure(connection, opts={"version_table": "sync_version"})
        return context.get_current_revision() or ""


def upgrade_store(store: str, connections: ConnectionLookup) -> str:
    """Open the store, bring its tables to this version, close it, and return the revision.

    Raises:
        ConnectError: it cannot be reached, or may not be written.
    """
    import sqlalchemy as sa

    engine = open_store(store, connections)
    try:
        return upgrade(engine)
    except sa.exc.SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ConnectError(
            f"store {store!r} cannot be upgraded: {said}",
            fix="correct the connection or its rights, or set `store:` in project.yaml to another place",
        ) from error
    finally:
        engine.dispose()


def is_current(engine: sa.Engine) -> bool:
    """Whether the store's tables are of this version."""
    import sqlalchemy as sa

    if not sa.inspect(engine).has_table("sync_version"):
        return False
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT version_num FROM sync_version")).scalar() == REVISION


def ready(engine: sa.Engine) -> None:
    """Make a local store ready by itself; a server's is upgraded by whoever may.

    Raises:
        ResourceError: a server's store is not of this version.
    """
    if is_current(engine):
        return
    if engine.dialect.name != "sqlite":
        raise ResourceError(
            "the store's tables are missing or of another version", fix="run `sync-provider db upgrade`"
        )
    upgrade(engine)
