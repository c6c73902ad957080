"""How an engine is found: the note it leaves in its data directory, and the lock that keeps it the only one there."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

_NOTE = "engine.json"
_LOCK = "engine.lock"
_ANSWER_SECONDS = 3


class EngineAlreadyRuns(Exception):  # noqa: N818 - a state, named as one
    """Another engine owns the data directory."""


class PortTaken(Exception):  # noqa: N818 - a state, named as one
    """Something else listens on the port that was asked for."""


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """Where an engine answers, and what it is."""

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

    def fetch(self, path: str) -> Any:
        """The JSON the engine's own API answers on ``/_lab/{path}``. Raises OSError when it does not answer."""
        return _fetch(self.url, path)


def find_engine(data_dir: Path) -> RunningEngine | None:
    """The engine of this data directory, if it answers."""
    try:
        engine = RunningEngine(**json.loads((data_dir / _NOTE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    answering = engine_at(engine.url)
    return engine if answering is not None and answering.instance == engine.instance else None


def engine_at(url: str) -> RunningEngine | None:
    """The engine that answers on ``url``, if one does."""
    try:
        status = _fetch(url, "status")
        return RunningEngine(**{field.name: status[field.name] for field in fields(RunningEngine)})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _fetch(url: str, path: str) -> Any:
    # Loopback never goes through a proxy the machine may have configured.
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"{url}/_lab/{path}", timeout=_ANSWER_SECONDS) as response:
        return json.load(response)


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
