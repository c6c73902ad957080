"""Moves the port an agent serves, and others the engine wants to reach, to free ports of this machine; reports which.

Copied into the agent's virtual environment beside a ``.pth`` file that calls ``install``, so that it runs in every
Python of that environment before the agent's first line: ``python agent.py``, ``uvicorn …``,
``opentelemetry-instrument …`` alike (a ``sitecustomize`` would lose to the one that OpenTelemetry brings, and to the
agent's own). Without ``AGENTCORE_LAB_LISTEN`` it does nothing.

The port is chosen by the kernel at the moment of the bind, so any number of agents start side by side without a race.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from typing import Any

SETTING = "AGENTCORE_LAB_LISTEN"
OTHERS = "AGENTCORE_LAB_LISTEN_OTHERS"


def install() -> None:
    """Move the agent's port, if ``AGENTCORE_LAB_LISTEN`` (``<port>:<file for the report>``) says which.

    ``AGENTCORE_LAB_LISTEN_OTHERS`` (``<first>-<end>``, divided by commas) names further ports; each has a report of its
    own, beside the agent's, with the port's number at the end.
    """
    setting = os.environ.get(SETTING)  # noqa: TID251 - the agent's environment, not the engine's
    if setting:
        port, _, report = setting.partition(":")
        others = os.environ.get(OTHERS, "")  # noqa: TID251 - as above
        spans = [span.split("-") for span in others.split(",") if span]
        reports = {n: f"{report}.{n}" for first, end in spans for n in range(int(first), int(end))}
        _move({**reports, int(port): report})


def _move(reports: dict[int, str]) -> None:
    import socket  # noqa: PLC0415 - only agents pay for it, not every tool run in the environment

    original = socket.socket.bind
    loopback = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

    def bind(self: socket.socket, address: Any, /) -> None:
        host = loopback.get(self.family)
        port = address[1] if isinstance(address, tuple) and len(address) > 1 else None
        report = reports.get(port) if isinstance(port, int) and self.type == socket.SOCK_STREAM else None
        if host is None or report is None:
            original(self, address)  # whatever the caller gave, unchanged
            return
        # The second bind of one of these ports meets the first, as it would in a container of its own.
        original(self, (host, _reported(report)))
        _report(report, host, self.getsockname()[1])

    socket.socket.bind = bind  # type: ignore[method-assign, assignment]
    # uvloop binds in C, past the method above; without it uvicorn falls back to asyncio's own loop.
    sys.modules["uvloop"] = None  # type: ignore[assignment]


def _reported(report: str) -> int:
    try:
        with open(report, encoding="ascii") as file:  # noqa: PTH123 - pathlib would slow every start
            return int(file.read().rpartition(" ")[2])
    except (OSError, ValueError):
        return 0


def _report(report: str, host: str, port: int) -> None:
    try:
        file = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        os.write(file, f"{host} {port}\n".encode("ascii"))
    finally:
        os.close(file)
