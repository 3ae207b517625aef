"""The first steps of testing any server: its name, and whether anybody answers at its port."""

from __future__ import annotations

import ipaddress
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.systems.probing import ProbeStep


def left(until: float) -> float:
    """Return the seconds until then, never none."""
    return max(until - time.monotonic(), 0.1)


def dial(info: ConnectionInfo, port: int, until: float) -> socket.socket:
    """Open a TCP connection to the host; `port` where the connection names none."""
    dialled = socket.create_connection((info.host or "localhost", info.port or port), timeout=left(until) * 0.6)
    dialled.settimeout(left(until) * 0.6)
    return dialled


def dns(info: ConnectionInfo, port: int, until: float) -> ProbeStep:
    """Resolve the host."""
    host = info.host or "localhost"
    try:
        ipaddress.ip_address(host)
        return ProbeStep("dns", True, f"{host} is an address")
    except ValueError:
        pass
    pool = ThreadPoolExecutor(1)  # the resolver itself takes no timeout
    try:
        found = pool.submit(socket.getaddrinfo, host, info.port or port).result(left(until))
        return ProbeStep("dns", True, f"{host} is {found[0][4][0]}")
    except (OSError, FutureTimeout) as error:
        why = "no answer in time" if isinstance(error, FutureTimeout) else str(error)
        fix = f"correct the host of Airflow connection '{info.id}', or the name server"
        return ProbeStep("dns", False, f"{host} cannot be resolved: {why}", fix)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def tcp(info: ConnectionInfo, port: int, until: float) -> ProbeStep:
    """Dial the host and hang up."""
    address = f"{info.host or 'localhost'}:{info.port or port}"
    try:
        dial(info, port, until).close()
    except TimeoutError:
        fix = "open the firewall between this machine and the server, or correct host and port"
        return ProbeStep("tcp", False, f"{address} does not answer", fix)
    except OSError as error:
        fix = f"start the server, or correct the port of Airflow connection '{info.id}'"
        return ProbeStep("tcp", False, f"{address}: {error.strerror or error}", fix)
    return ProbeStep("tcp", True, f"{address} answers")
