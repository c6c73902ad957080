"""Every call that boto3 clients of this process make to an engine, whoever made the client and when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

from agentcore_lab.own_api import gone
from agentcore_lab.plain_error import PlainError

_LOOPBACK = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}  # noqa: S104 - compared, not bound


class EngineUnreachable(PlainError, EndpointConnectionError):  # noqa: N818 - a state, named as one
    """boto3's own error for an engine that does not answer, with the mend in its words."""

    fmt = gone("{endpoint_url}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was answered without an error; ``model`` is botocore's model of the service.

    ``thread`` is the caller's identity, ``place`` the engine's.
    """

    place: str
    service: str
    operation: str
    parameters: Mapping[str, Any]
    answer: Mapping[str, Any]
    model: Any
    thread: int


Listener = Callable[[Call], None]

_METHOD = "_make_api_call"
_MARK = "agentcore_lab_watches"

_lock = threading.Lock()
_listeners: list[Listener] = []
_places: set[str] = set()


def place(url: str) -> str:
    """Which engine a URL leads to, however this machine is called in it."""
    parts = urlsplit(url)
    host = "loopback" if parts.hostname in _LOOPBACK else parts.hostname
    return f"{host}:{parts.port}"


def watch_engine(url: str) -> None:
    """From now on tell listeners of every call to the engine at ``url``.

    botocore has no hook that reaches every client: handlers are copied into a client when it is made. The one
    method through which every call of every client goes is wrapped instead, once, as OpenTelemetry's
    instrumentation of botocore does it. Calls to anywhere else pass as they are.
    """
    with _lock:
        _places.add(place(url))
        original = getattr(BaseClient, _METHOD)
        if not getattr(original, _MARK, False):
            setattr(BaseClient, _METHOD, _watched(original))


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell ``listener`` of every call to a watched engine until the end of the block; on the caller's thread."""
    listen(listener)
    try:
        yield
    finally:
        with _lock:
            _listeners.remove(listener)


def listen(listener: Listener) -> None:
    """Tell ``listener`` of every call to a watched engine for as long as this process lives."""
    with _lock:
        _listeners.append(listener)


def _watched(original: Any) -> Any:
    @wraps(original)
    def make_api_call(client: Any, operation: str, parameters: Any) -> Any:
        __tracebackhide__ = True  # to IPython: the learner's traceback is boto3's own
        where = place(client.meta.endpoint_url)
        if where not in _places:
            return original(client, operation, parameters)
        try:
            answer = original(client, operation, parameters)
        except EndpointConnectionError:
            raise EngineUnreachable(endpoint_url=client.meta.endpoint_url) from None
        model = client.meta.service_model
        call = Call(
            where, model.service_name, operation, dict(parameters or {}), answer, model, threading.get_ident()
        )
        for listener in tuple(_listeners):
            listener(call)
        return answer

    setattr(make_api_call, _MARK, True)
    return make_api_call
