"""What the model's rules act on: a running engine, and agents that do as they are told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.runtime.proof import PROOF, PURPOSE
from agentcore_lab.sandbox.base import Backend, Owned
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.runtime.model.expected import Artifact, Proof
from tests.runtime.model.tally import Tally

HOLD = b'{"hold": true}'


class World(ABC):
    """An engine and all a test can do to it, on a new folder within ``folder``.

    ``runtimes`` and ``ids`` bound how many runtimes there are at a time, and session ids on each. ``patience`` is how
    many seconds what should be may take to be, ``answer`` how many a health check may take.
    """

    engine: RunningEngine
    aws: Clients
    proofs: tuple[Proof, ...] = (Proof.HEALTHY, Proof.BROKEN)
    holds_starts = False
    patience = 60.0
    answer = 2.0

    def __init__(self, folder: Path, backend: Backend, tally: Tally, *, runtimes: int, ids: int) -> None:
        self.runtimes, self.ids = runtimes, ids
        own = Path(mkdtemp(dir=folder))
        self.clock = FakeClock()
        self.tally = tally
        self.numbers: Iterator[int] = count()
        self._backend = backend
        self._settings = Settings(data_dir=own / "data", cache_dir=own / "cache", port=0, quotas=UNMETERED)
        self._stack = ExitStack()

    def open(self) -> None:
        """Run an engine."""
        self.engine = self._stack.enter_context(engine_in_thread(self._settings, self._backend, self.clock))
        self.aws = clients_of(self.engine.url, patience=600)

    def close(self) -> None:
        """End the engine, and see that nothing is left running."""
        self._stack.close()
        assert list(self.owned()) == []

    def restart(self) -> None:
        """End the engine and start another one on the same data."""
        self._stack.close()
        self.open()

    def listed(self) -> list[dict[str, Any]]:
        """The engine's own list of sessions."""
        sessions: list[dict[str, Any]] = self.engine.fetch("sessions")["sessions"]
        return sessions

    def running(self) -> tuple[set[str], set[tuple[str, str]]]:
        """The sandboxes that serve sessions, by id; and those that prove versions, by runtime and version."""
        sessions: set[str] = set()
        proofs: set[tuple[str, str]] = set()
        for owned in self.owned():
            if owned.labels.get(PURPOSE) == PROOF:
                proofs.add((owned.labels["agentcore-lab.runtime"], owned.labels["agentcore-lab.version"]))
            else:
                sessions.add(owned.id)
        return sessions, proofs

    @abstractmethod
    def owned(self) -> Iterable[Owned]:
        """Every sandbox there is."""

    @abstractmethod
    def artifact(self, proof: Proof) -> Artifact:
        """What a version is made of that behaves so when it is proved."""

    @abstractmethod
    def judge(self, artifact: Artifact, proof: Proof) -> Artifact:
        """The same image, but from now on its proofs go so, those under way too."""

    @abstractmethod
    def say(self, sandbox_id: str, code: int, body: dict[str, Any]) -> None:
        """Let an agent answer /ping so from now on."""

    @abstractmethod
    def release(self, sandbox_id: str) -> None:
        """Let an agent answer the calls it holds, which are those with the payload HOLD."""

    @abstractmethod
    def crash(self, sandbox_id: str) -> None:
        """End an agent's process; it is dead on return."""
