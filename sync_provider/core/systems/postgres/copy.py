"""COPY in both directions, between asyncpg on the loop and a caller on its own thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from sync_provider.core.errors import SyncError

if TYPE_CHECKING:
    import asyncpg

#: blocks under way in a queue; with their size the bound on memory
_DEPTH = 4
_BLOCK_BYTES = 1 << 20


class BlockSink:
    """Takes `COPY … TO STDOUT` off the network and hands it over in blocks that end on row ends.

    The server sends one message per row and asyncpg hands out whole messages, so joining them keeps rows whole.
    """

    def __init__(self, connection: asyncpg.Connection, sql: str, format: str) -> None:
        self._connection = connection
        self._sql = sql
        self._format = format
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(_DEPTH)
        self._parts: list[bytes] = []
        self._size = 0
        self._wanted = True
        self._copy: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Send the COPY command."""
        self._copy = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self._connection.copy_from_query(self._sql, output=self._take_in, format=self._format)
        await self._flush()

    async def take(self) -> bytes:
        """Return the next block; b"" is the end. Raises what the server said."""
        assert self._copy is not None, "start() comes first"
        if self._queue.empty():
            waiting = asyncio.ensure_future(self._queue.get())
            try:
                await asyncio.wait({self._copy, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    return waiting.result()
            finally:
                waiting.cancel()
            if self._queue.empty():
                await self._copy
                return b""
        return self._queue.get_nowait()

    async def stop(self, cancel: Callable[[int], Awaitable[None]], grace_s: float) -> None:
        """End a COPY that nobody reads any more.

        The query is cancelled from beside and what is still coming is thrown away: to give up a running COPY from
        within leaves asyncpg's connection unusable.

        Args:
            cancel: asks the server to cancel what the process of this number runs.
            grace_s: after this the connection is cut.
        """
        if self._copy is None or self._copy.done():
            return
        self._wanted = False
        while not self._queue.empty():
            self._queue.get_nowait()
        with contextlib.suppress(SyncError, asyncio.TimeoutError):
            await asyncio.wait_for(cancel(self._connection.get_server_pid()), grace_s)
            await asyncio.wait({self._copy}, timeout=grace_s)
        if not self._copy.done():
            self._connection.terminate()
            await asyncio.wait({self._copy}, timeout=grace_s)
        if self._copy.done() and not self._copy.cancelled():
            self._copy.exception()  # looked at, so that asyncio does not complain

    async def _take_in(self, data: bytes) -> None:
        if not self._wanted:
            return
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _BLOCK_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        if self._parts:
            block = b"".join(self._parts)
            self._parts, self._size = [], 0
            if self._wanted:
                await self._queue.put(block)


class BlockFeed:
    """Feeds blocks into `COPY … FROM STDIN`."""

    def __init__(
        self, connection: asyncpg.Connection, table: str, schema: str | None, columns: list[str], format: str
    ) -> None:
        self._connection = connection
        self._into = {"table_name": table, "schema_name": schema, "columns": columns, "format": format}
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(_DEPTH)
        self._copy: asyncio.Task[str] | None = None

    async def start(self) -> None:
        """Send the COPY command."""
        self._copy = asyncio.create_task(self._connection.copy_to_table(source=self._blocks(), **self._into))

    async def once(self, block: bytes) -> str:
        """Send one block and nothing else; return the server's command tag."""
        await self._queue.put(block)
        if block:
            await self._queue.put(b"")
        tag: str = await self._connection.copy_to_table(source=self._blocks(), **self._into)
        return tag

    async def put(self, block: bytes) -> bool:
        """Queue a block, waiting while the queue is full; false when the server has already ended the COPY."""
        copy = self._running
        if not block:
            return True
        waiting = asyncio.ensure_future(self._queue.put(block))
        try:
            await asyncio.wait({copy, waiting}, return_when=asyncio.FIRST_COMPLETED)
            return not copy.done()
        finally:
            waiting.cancel()

    async def finish(self) -> str:
        """Say that there is no more and return the server's command tag."""
        copy = self._running
        if not copy.done():
            waiting = asyncio.ensure_future(self._queue.put(b""))
            await asyncio.wait({copy, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
        return await copy

    async def abort(self) -> None:
        """Give up: the server forgets what was sent."""
        if self._copy is not None and not self._copy.done():
            self._copy.cancel()
            await asyncio.wait({self._copy}, timeout=1.0)

    @property
    def _running(self) -> asyncio.Task[str]:
        assert self._copy is not None, "start() comes first"
        return self._copy

    async def _blocks(self) -> AsyncIterator[bytes]:
        while block := await self._queue.get():
            yield block
