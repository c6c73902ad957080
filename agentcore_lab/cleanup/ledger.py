"""What this process made on an engine and has not deleted yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from agentcore_lab.cleanup.calls import Call, listen
from agentcore_lab.cleanup.inverse import Key, Undo, undoing, undone


class Ledger:
    """A list of things in the order they were made; kept by listening to this process's calls to one engine."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._undos: dict[Key, Undo] = {}

    def note(self, call: Call) -> None:
        """Remember what the call made, or forget what it deleted."""
        if call.place != self._place:
            return
        with self._lock:
            if (key := undone(call)) is not None:
                self._undos.pop(key, None)
            elif (undo := undoing(call)) is not None:
                self._undos[undo.key] = undo

    def forget(self, undo: Undo) -> None:
        """Remember this thing no more: it is gone."""
        with self._lock:
            self._undos.pop(undo.key, None)

    def latest_first(self) -> list[Undo]:
        """What undoes each thing: what was made later goes first, for it may stand on what was made before."""
        with self._lock:
            return list(self._undos.values())[::-1]

    def __len__(self) -> int:
        return len(self._undos)

    def __iter__(self) -> Iterator[str]:
        return iter([undo.label for undo in self._undos.values()])


_ledgers: dict[str, Ledger] = {}
_lock = threading.Lock()


def ledger_of(place: str) -> Ledger:
    """The ledger of all that this process makes on an engine, from the first time it is asked for."""
    with _lock:
        if place not in _ledgers:
            _ledgers[place] = Ledger(place)
            listen(_ledgers[place].note)
        return _ledgers[place]
