"""A TCP proxy on the loopback that can cut, stall or delay what goes through it: the network's faults, on demand."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from dataclasses import replace

from sync_provider.core.contracts import ConnectionInfo

_BLOCK = 1 << 16
#: SO_LINGER of zero seconds: closing sends RST, as a network that is cut does
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Passes one port on to another; `with Proxy(5432) as proxy: … proxy.cut()`.

    Args:
        port: where the server listens.
    """

    def __init__(self, port: int) -> None:
        self.server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.passed_bytes = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._refusing = False
        self._cut_at: int | None = None
        self._delay_s = 0.0
        self._closed = False

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self.flow()
        self._listener.close()
        self.cut()

    def through(self, info: ConnectionInfo) -> ConnectionInfo:
        """Return the same connection by way of this proxy."""
        return replace(info, host="127.0.0.1", port=self.port)

    def cut(self) -> None:
        """Reset every connection that is open."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def cut_after(self, size_bytes: int) -> None:
        """Reset every connection once so many more bytes have passed, in either direction."""
        self._cut_at = self.passed_bytes + size_bytes

    def stall(self) -> None:
        """Let nothing through any more, and close nothing: half-open, as behind a dead firewall."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """Hold every block back for so long."""
        self._delay_s = seconds

    def refuse(self) -> None:
        """Reset what is open and whoever comes, until `flow`."""
        self._refusing = True
        self.cut()

    def flow(self) -> None:
        """Be a good network again."""
        self._refusing, self._cut_at, self._delay_s = False, None, 0.0
        self._flowing.set()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._refusing:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self.server_port), 5)
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
                continue
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        try:
            while not self._closed:
                readable, _, _ = select.select([client, server], [], [], 0.2)
                self._flowing.wait()
                for end in readable:
                    block = end.recv(_BLOCK)
                    if not block:
                        return
                    if self._delay_s:
                        time.sleep(self._delay_s)
                    other[end].sendall(block)
                    self.passed_bytes += len(block)
                    if self._cut_at is not None and self.passed_bytes >= self._cut_at:
                        self._cut_at = None
                        self.cut()
        except (OSError, ValueError):
            return  # cut, by us or by one of the two
        finally:
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.close()
