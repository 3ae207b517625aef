"""Last good versions during one parse: found for sources that are broken, kept of those that are good."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from sync_provider.core.errors import ConfigError, SyncError
from sync_provider.core.plan import LoadedSource, Project
from sync_provider.core.plan.last_good import LastGood, LastGoodFolder, force_of, read_last_good, stamp

log = logging.getLogger(__name__)
#: a store that does not answer must not hold up the parse of all the others
_WAIT_S = 3


class Kept:
    """Where last good versions are: the folder beside the project, and the store for whoever cannot see that folder.

    Args:
        writes: whether this parse sees everything and keeps what is good; a task's does not.
    """

    def __init__(self, project: Project, folder: Path, *, writes: bool) -> None:
        assert project.settings is not None  # `load_project` sets them
        self._project = project
        self._settings = settings = project.settings
        self._folder = LastGoodFolder(folder, settings.environment)
        self._writes = writes
        self._force = force_of(settings)
        self._store_answers = settings.store != "" and not settings.store.startswith("sqlite:")
        self._tables = {
            (plan.target.connection, plan.target.schema, plan.target.table): plan.id for plan in project.plans.values()
        }

    def keep(self, source: LoadedSource) -> None:
        """Keep a source that is good, where that is new."""
        if not self._writes:
            return
        version = LastGood(
            source.id, self._settings.environment, source.plans, self._force, stamp(datetime.now(timezone.utc))
        )
        if version.digest != self._folder.digest(source.id):
            self._folder.write(version)

    def find(self, source: LoadedSource) -> LastGood | None:
        """Return the last good version of a source that is broken, or None.

        Raises:
            ConfigError: there is one that must not run.
        """
        if source.clashes:
            # its tasks read this file alone, and would find it right and new
            return None
        local = self._read(source, self._folder.read(source.id))
        stored = self._read(source, self._from_store(source, local))
        found = max(filter(None, (local, stored)), key=lambda version: version.saved, default=None)
        if found is None:
            return None
        self._refuse(source, found)
        return found.here(self._settings, source.file)

    def unread(self) -> Iterator[LoadedSource]:
        """Yield the sources known to be in folders that cannot be looked into: they are not gone."""
        closed = self._project.unread
        for name in self._folder.sources() if closed else ():
            library, _, source = name.partition(".")
            for problem in self._project.own_problems:
                top, _, folder = problem.file.partition("/sources")
                if folder in ("", f"/{library}") and ("" in closed or library in closed):
                    file = f"{top}/sources/{library}/{source}.yaml"
                    yield LoadedSource(library, source, file, problems=(problem,))

    def forget(self) -> None:
        """Remove what is kept of sources whose file is gone."""
        if self._writes:
            self._folder.forget((source.id for source in self._project.sources), self._project.unread)

    def _read(self, source: LoadedSource, text: str | None) -> LastGood | None:
        found = read_last_good(text) if text else None
        mine = found and (found.source, found.environment) == (source.id, self._settings.environment)
        return found if mine else None

    def _refuse(self, source: LoadedSource, found: LastGood) -> None:
        """Raise where the world around the broken file has changed so that its old version would do harm."""
        if not self._settings.blocking and found.force != self._force:
            raise ConfigError("its last good version is older than what `force:` in project.yaml says now")
        for plan in found.plans:
            place = (plan.target.connection, plan.target.schema, plan.target.table)
            other = self._tables.get(place)
            if other is not None:
                raise ConfigError(f"its last good version writes the table {plan.target.table!r} that {other} has now")

    def _from_store(self, source: LoadedSource, local: LastGood | None) -> str | None:
        """Return the store's copy; one that is newer here goes there, for the workers."""
        if not self._store_answers:
            return None
        import sqlalchemy as sa

        from sync_provider.core.store import database, last_good
        from sync_provider.hooks.connections import airflow_connections

        try:
            engine = database.open_store(self._settings.store, airflow_connections(), _WAIT_S)
            try:
                if local is not None and self._writes:
                    last_good.keep(engine, local)
                return last_good.read(engine, self._settings.environment, source.id)
            finally:
                engine.dispose()
        except (SyncError, sa.exc.SQLAlchemyError, OSError, RuntimeError) as error:
            self._store_answers = False
            log.warning("the store has no answer: %s", getattr(error, "orig", None) or error)
            return None
