"""How an engine is found: the note it leaves in its data directory, and the lock that keeps it the only one there."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from agentcore_lab.plain_error import PlainError

_NOTE = "engine.json"
_LOCK = "engine.lock"
_ANSWER_SECONDS = 3
_WORK_SECONDS = 30


class EngineAlreadyRuns(PlainError):  # noqa: N818 - a state, named as one
    """Another engine owns the data directory."""


class PortTaken(PlainError):  # noqa: N818 - a state, named as one
    """Something else listens on the port that was asked for."""


class LabRefused(PlainError, OSError):  # noqa: N818 - a state, named as one
    """The engine's own API refused a request; ``status`` is HTTP's, the message the engine's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class EngineGone(PlainError, OSError):  # noqa: N818 - a state, named as one
    """The engine does not answer any more; the message says how to have it back."""


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """Where an engine answers, and what it is; ``tls``: whether its port takes HTTPS too."""

    url: str
    pid: int
    instance: str
    sandbox: str
    isolation: str
    version: str
    region: str
    account_id: str
    data_dir: str
    started_at: str
    tls: bool = False

    def fetch(self, path: str) -> Any:
        """The JSON the engine's own API answers on ``/_lab/{path}``.

        Raises:
            LabRefused: the engine refused it.
            EngineGone: it does not answer.
        """
        return self._answered(path)

    def send(self, path: str, body: dict[str, Any], *, patience: float = _WORK_SECONDS) -> Any:
        """The JSON the engine answers within ``patience`` seconds when ``body`` is posted to ``/_lab/{path}``.

        Raises:
            LabRefused: the engine refused it.
            EngineGone: it does not answer.
        """
        return self._answered(path, json.dumps(body).encode(), patience)

    def _answered(self, path: str, body: bytes | None = None, patience: float = _WORK_SECONDS) -> Any:
        try:
            return _fetch(self.url, path, body, patience=patience)
        except LabRefused:
            raise
        except (OSError, HTTPException) as error:
            raise EngineGone(gone(self.url)) from error


def gone(url: str) -> str:
    """What is wrong when the engine at ``url`` does not answer any more, and what mends it."""
    return (
        f"The engine at {url} does not answer any more. Run the cell with `lab = Lab()` again, "
        "or `agentcore-lab serve`: runtimes and versions are kept, sessions start afresh."
    )


def find_engine(data_dir: Path) -> RunningEngine | None:
    """The engine of this data directory, if it answers."""
    try:
        engine = RunningEngine(**json.loads((data_dir / _NOTE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    answering = engine_at(engine.url)
    return engine if answering is not None and answering.instance == engine.instance else None


def noted_process(data_dir: Path) -> int | None:
    """The process that the note in this data directory names, whether it answers or not."""
    try:
        return int(json.loads((data_dir / _NOTE).read_text())["pid"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def engine_at(url: str) -> RunningEngine | None:
    """The engine that answers on ``url``, if one does."""
    try:
        status = _fetch(url, "status", patience=_ANSWER_SECONDS)
        return RunningEngine(**{field.name: status[field.name] for field in fields(RunningEngine)})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _fetch(url: str, path: str, body: bytes | None = None, *, patience: float = _WORK_SECONDS) -> Any:
    # Loopback never goes through a proxy the machine may have configured.
    opener = build_opener(ProxyHandler({}))
    headers = {"Content-Type": "application/json"}
    request = Request(f"{url}/_lab/{path}", body, headers)  # noqa: S310 - the engine's own address
    try:
        with opener.open(request, timeout=patience) as response:
            return json.load(response)
    except HTTPError as error:
        with error:
            raise LabRefused(error.code, _message(error)) from error


def _message(error: HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return str(error)


@contextmanager
def sole_owner(data_dir: Path) -> Iterator[None]:
    """Own the data directory until the end of the block, or until this process dies.

    Raises:
        EngineAlreadyRuns: another engine owns it.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineAlreadyRuns(
                f"Another engine already uses {data_dir}. Stop it with `agentcore-lab down`, "
                "or choose another --data-dir."
            ) from error
        yield


def leave_note(engine: RunningEngine) -> None:
    """Tell whoever looks in the data directory where the engine answers."""
    path = Path(engine.data_dir) / _NOTE
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(engine)))
    draft.replace(path)


def remove_note(data_dir: Path) -> None:
    """Take the note away at the end."""
    (data_dir / _NOTE).unlink(missing_ok=True)
