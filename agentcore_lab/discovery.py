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

from agentcore_lab.accounts.handed_out import credentials_for
from agentcore_lab.own_api import WORK_SECONDS, OwnApi, ask
from agentcore_lab.plain_error import PlainError

_NOTE = "engine.json"
_LOCK = "engine.lock"
_ANSWER_SECONDS = 3


class EngineAlreadyRuns(PlainError):  # noqa: N818 - a state, named as one
    """Another engine owns the data directory."""


class PortTaken(PlainError):  # noqa: N818 - a state, named as one
    """Something else listens on the port that was asked for."""


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

    def api(self, account: str | None = None) -> OwnApi:
        """The engine's own API, in the name of an account by name or id; of the default one without.

        Raises AccountError: there is no such account, or its credentials are not this user's to read.
        """
        return OwnApi(self.url, self.region, credentials_for(self, account))

    def fetch(self, path: str) -> Any:
        """What the engine's own API answers the default account. Raises LabRefused, EngineGone, AccountError."""
        return self.api().fetch(path)

    def send(self, path: str, body: dict[str, Any], *, patience: float = WORK_SECONDS) -> Any:
        """What it answers when the default account posts. Raises LabRefused, EngineGone, AccountError."""
        return self.api().send(path, body, patience=patience)


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
        status = ask(url, "status", None, {}, _ANSWER_SECONDS)
        return RunningEngine(**{field.name: status[field.name] for field in fields(RunningEngine)})
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        return None


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
