"""One thread of the kernel follows an engine's event stream, for all panels together."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any, Protocol
from urllib.parse import quote, urlsplit
from weakref import WeakSet

from agentcore_lab.clock import stopwatch
from agentcore_lab.discovery import find_engine
from agentcore_lab.own_api import LabRefused, OwnApi, message_in
from agentcore_lab.panels.world import Change, World
from agentcore_lab.plain_error import PlainError

log = logging.getLogger(__name__)

_SILENCE_SECONDS = 40.0
"""The engine sends a comment every 15 s: twice that long and more without one, and it is gone."""

_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
_READ_BYTES = 1 << 20

_AGAIN = "Run the cell with `lab = Lab()` again, or `agentcore-lab serve`; this panel goes on by itself then."
_NO_ANSWER = f"The engine does not answer. {_AGAIN}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What costs the engine something and is told only on demand: use of sandboxes, logs of sessions by id."""

    usage: bool = False
    logs: frozenset[str] = frozenset()

    def __or__(self, other: Wish) -> Wish:
        return Wish(self.usage or other.usage, self.logs | other.logs)

    def query(self) -> str:
        """The stream's query."""
        parts = ["usage=1"] if self.usage else []
        if self.logs:
            parts.append("logs=" + quote(",".join(sorted(self.logs)), safe=","))
        return "?" + "&".join(parts) if parts else ""


class Follower(Protocol):
    """A panel. Both are called on the feed's thread."""

    def changed(self, change: Change) -> None:
        """Something is new in the world."""
        ...

    def wish(self) -> Wish:
        """What it wants to be told besides."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """How it stands with the engine; ``notice`` is for a person, empty when all is well."""

    state: str = "connecting"
    notice: str = ""


class Feed:
    """Keeps a ``World`` true and tells followers what changed in it; ``lock`` guards both.

    ``where`` gives the engine's own API, or None while there is none: an engine that was started again may have moved.
    Each stream is asked for by what it gives then: credentials may have changed. The thread runs while anybody follows,
    and sleeps in a read of its socket when nothing happens.
    """

    def __init__(self, where: Callable[[], OwnApi | None]) -> None:
        self._where = where
        self._followers: WeakSet[Any] = WeakSet()
        self._thread: Thread | None = None
        self._socket: socket.socket | None = None
        self._wished = Wish()
        self._last_id = ""
        self._first = Event()
        self._wake = Event()
        self.lock = RLock()
        self.world = World()
        self.connection = Connection()

    def follow(self, follower: Follower, patience: float = 3.0) -> None:
        """Tell ``follower`` from now on; returns once the world is known, or after ``patience`` seconds."""
        with self.lock:
            self._followers.add(follower)
            if self._thread is None:
                self._first.clear()
                self._thread = Thread(target=self._run, name="agentcore-lab feed", daemon=True)
                self._thread.start()
        self._first.wait(patience)
        self.wish_changed()

    def leave(self, follower: Follower) -> None:
        """Tell ``follower`` no more."""
        with self.lock:
            self._followers.discard(follower)
        self.wish_changed()

    def wish_changed(self) -> None:
        """Ask the engine for what followers wish by now, if that differs; nothing is lost on the way."""
        with self.lock:
            if self._socket is not None and (not self._followers or self._wish() != self._wished):
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        self._wake.set()

    def _wish(self) -> Wish:
        wish = Wish()
        for follower in list(self._followers):
            wish |= follower.wish()
        return wish

    def _run(self) -> None:
        failures = 0
        while self._wanted():
            why = _NO_ANSWER
            try:
                self._stream()
                failures = 0
            except (OSError, HTTPException, ValueError, PlainError) as error:
                failures = 0 if self.connection.state == "open" else failures + 1
                why = _why(error)
                log.debug("the event stream broke off: %s", error)
            if not self._wanted():
                break
            if self._wish() != self._wished and self.connection.state == "open":
                continue  # the stream was broken off on purpose
            self._lost(why)
            self._wake.clear()
            self._wake.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])

    def _wanted(self) -> bool:
        with self.lock:
            if not self._followers:
                self._thread = None
            return self._thread is not None

    def _stream(self) -> None:
        with self.lock:
            self._wished = self._wish()
        api = self._where()
        if api is None:
            raise ConnectionRefusedError("no engine")
        address = urlsplit(api.url)
        assert address.hostname is not None
        with closing(HTTPConnection(address.hostname, address.port, timeout=_SILENCE_SECONDS)) as connection:
            path = "events" + self._wished.query()
            headers = api.signed("GET", path) | ({"Last-Event-ID": self._last_id} if self._last_id else {})
            connection.request("GET", f"/_lab/{path}", headers=headers)
            self._socket = connection.sock
            try:
                # The connection no longer closes an answer that it was told is its last.
                with closing(connection.getresponse()) as response:
                    if response.status != 200:
                        raise LabRefused(response.status, message_in(response.read()))
                    self._opened()
                    for events in _events(response):
                        self._take(events)
            finally:
                self._socket = None

    def _opened(self) -> None:
        if self._last_id:
            # What was missed follows by itself; if nothing was, nothing follows.
            self._connected(Change(), self.world.engine.get("instance"))

    def _take(self, events: list[tuple[str, str, Any]]) -> None:
        change = Change()
        with self.lock:
            before = self.world.engine.get("instance")
            for number, kind, data in events:
                self._last_id = number
                self.world.apply(kind, data, change, stopwatch())
            self._connected(change, before)
        self._first.set()

    def _connected(self, change: Change, before: str | None) -> None:
        with self.lock:
            again = before is not None and before != self.world.engine.get("instance")
            notice = "The engine was started again: sessions of before have ended." if again else ""
            if self.connection.state != "open" or again:
                self.connection = Connection("open", notice)
                change.connection = True
            self._tell(change)

    def _lost(self, why: str) -> None:
        with self.lock:
            lost = Connection("lost", why)
            if self.connection != lost:
                self.connection = lost
                self._tell(Change(connection=True))

    def _tell(self, change: Change) -> None:
        for follower in list(self._followers):
            try:
                follower.changed(change)
            except Exception:
                log.exception("a panel could not be told what changed")


_feeds: dict[tuple[str, str], Feed] = {}


def feed_of(data_dir: Path, account_id: str) -> Feed:
    """This process's one feed of an account of the engine of a data directory."""

    def where() -> OwnApi | None:
        engine = find_engine(data_dir)
        return engine.api(account_id) if engine else None

    return _feeds.setdefault((str(data_dir), account_id), Feed(where))


def _why(error: Exception) -> str:
    """What a person is told of it: who was refused has an engine that answers."""
    if isinstance(error, PlainError) and str(error):
        return f"The engine does not let these panels follow it: {error} {_AGAIN}"
    return _NO_ANSWER


def feed_at(api: OwnApi) -> Feed:
    """This process's one feed of an account of somebody else's engine."""
    return _feeds.setdefault((api.url, api.credentials.account_id), Feed(lambda: api))


def _events(response: HTTPResponse) -> Iterator[list[tuple[str, str, Any]]]:
    """Events by their id, kind and data: those together that came together."""
    rest = b""
    while chunk := response.read1(_READ_BYTES):
        *whole, rest = (rest + chunk).split(b"\n\n")
        if events := [_event(text.decode()) for text in whole if text.startswith(b"id: ")]:
            yield events


def _event(text: str) -> tuple[str, str, Any]:
    found = dict(line.split(": ", 1) for line in text.split("\n"))
    return found["id"], found["event"], json.loads(found["data"])
