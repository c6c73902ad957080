"""A client of the engine's event stream that hides nothing: one event after another, as sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.request import Request, urlopen

from agentcore_lab.discovery import engine_at
from tests.patience import PATIENCE


@dataclass(frozen=True)
class Told:
    """One event."""

    id: str
    kind: str
    data: Any


class Reader:
    """Reads events; ``until`` waits for one and returns it with what came before."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response
        self.last_id = ""
        self.text = ""
        """All that was told so far."""

    def next(self) -> Told:
        """The next event."""
        found: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(": ")
            found[name] = value
        if "data" not in found:
            return self.next()
        self.last_id = found["id"]
        return Told(found["id"], found["event"], json.loads(found["data"]))

    def _line(self) -> str:
        line = self._response.readline().decode()
        if not line:
            raise EOFError("the stream has ended")
        self.text += line
        return line.rstrip("\n")

    def until(self, kind: str, wanted: Callable[[Any], bool] = lambda _data: True) -> Told:
        """The first event of this kind whose data is as wanted."""
        while True:
            told = self.next()
            if told.kind == kind and wanted(told.data):
                return told


@contextmanager
def follow(url: str, query: str = "", account: str | None = None, **headers: str) -> Iterator[Reader]:
    """The event stream of an account of an engine; silence for longer than a test waits is an error."""
    engine = engine_at(url)
    assert engine is not None, f"no engine answers at {url}"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    names |= engine.api(account).signed("GET", f"events{query}")
    with urlopen(Request(f"{url}/_lab/events{query}", headers=names), timeout=PATIENCE) as response:
        yield Reader(response)
