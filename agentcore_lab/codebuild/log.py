"""A build's log in CloudWatch Logs, a few lines at a time."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.clock import machine_time
from agentcore_lab.codebuild.record import Account
from agentcore_lab.codebuild.runner import Clients

log = logging.getLogger(__name__)

_SECONDS = 0.5
_LINE_BYTES = 100_000


class BuildLog:
    """Collects lines from any thread and sends them twice a second. ``place`` names group and stream."""

    def __init__(self, clients: Clients, account: Account, place: dict[str, Any]) -> None:
        self._clients = clients
        self._account = account
        self._where = {"logGroupName": place["groupName"], "logStreamName": place["streamName"]}
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._logs: Any = None
        self._thread = threading.Thread(target=self._send_now_and_then, name="build-log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def tell(self, text: str) -> None:
        """Write a line, or several."""
        at = int(machine_time().timestamp() * 1000)
        lines = [
            {"timestamp": at, "message": line[:_LINE_BYTES]} for line in text.splitlines() if line.strip()
        ]
        with self._lock:
            self._lines += lines

    def flush(self) -> None:
        """Send what has been written; a log that cannot be sent ends no build."""
        with self._sending:
            with self._lock:
                lines, self._lines = self._lines, []
            if lines:
                try:
                    self._send(lines)
                except (ClientError, BotoCoreError):
                    log.exception("the log of a build could not be sent")

    def _send(self, lines: list[dict[str, Any]]) -> None:
        if self._logs is None:
            self._logs = self._clients.of(self._account, "logs")
            exists = self._logs.exceptions.ResourceAlreadyExistsException
            with suppress(exists):
                self._logs.create_log_group(logGroupName=self._where["logGroupName"])
            with suppress(exists):
                self._logs.create_log_stream(**self._where)
        self._logs.put_log_events(**self._where, logEvents=lines)

    def _send_now_and_then(self) -> None:
        while not self._over.wait(_SECONDS):
            self.flush()
