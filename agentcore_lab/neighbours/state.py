"""What moto holds, saved in the data directory and read again: one file a service, and one an S3 object.

moto's objects are pickled as they are, so that every service survives by the same means and with its ids; the price is
that another version of moto may not read them. They are put aside then, never guessed at.
"""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from moto import backends
from moto.core.base_backend import BackendDict, BaseBackend
from moto.s3.models import FakeKey

from agentcore_lab.neighbours.stored import StoredValue, store

_VERSION = "moto-version"
_OBJECTS = "objects"
_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())
_PLAIN = (dict, defaultdict, OrderedDict)
_CONTENT = ("value", "_value_buffer", "lock")


class State:
    """moto's state in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects = folder / _OBJECTS
        self._objects.mkdir(parents=True, exist_ok=True, mode=0o700)

    def load(self) -> list[str]:
        """Read every service that was saved; the names of those that could not be, which are put aside."""
        lost = [path.stem for path in self._saved() if not self._read(path)]
        (self._folder / _VERSION).write_text(version("moto"))
        return lost

    def save(self, services: Iterable[str]) -> None:
        """Save these services, moto's names of them; nothing of moto may change meanwhile."""
        for name in services:
            accounts = _backends(name)
            held = {
                (account, region): vars(backend)
                for account, regions in accounts.items()
                for region, backend in regions.items()
            }
            draft = self._folder / f"{name}.tmp"
            with draft.open("wb") as file:
                saver = _Saver(file, self._objects)
                saver.dump(held)
            draft.replace(self._folder / f"{name}.pickle")
            if name == "s3":
                self._sweep(saver.kept)

    def _saved(self) -> list[Path]:
        return sorted(self._folder.glob("*.pickle"))

    def _read(self, path: Path) -> bool:
        try:
            if (self._folder / _VERSION).read_text() != version("moto"):
                raise ValueError("of another version of moto")
            with path.open("rb") as file:
                held = _Loader(file, self._objects).load()
        except Exception:
            # Whatever is wrong with it: a service begins empty, and the file is there to be looked at.
            path.replace(path.with_suffix(".unreadable"))
            return False
        for (account, region), members in held.items():
            vars(_backends(path.stem)[account][region]).update(members)
        return True

    def _sweep(self, kept: set[str]) -> None:
        """Remove the contents of objects that are no more."""
        if any(self._folder.glob("s3.unreadable")):
            return
        for path in self._objects.iterdir():
            if path.name not in kept:
                path.unlink()


class Watch:
    """Saves services a moment after they were changed. ``using`` holds while moto answers a request."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._wake = threading.Event()

    @contextmanager
    def using(self, service: str, changes: bool) -> Iterator[None]:
        """One request at a time: moto is not made for more, nor is a state that changes while it is saved."""
        with self._lock:
            try:
                yield
            finally:
                if changes:
                    self._changed.add(service)
                    self._wake.set()

    def save(self) -> None:
        """Save what has changed."""
        with self._lock:
            changed, self._changed = self._changed, set()
            self._state.save(changed)

    def save_for_ever(self, pause: Callable[[], object], failed: Callable[[], None]) -> None:
        """Save after each change and a ``pause``, in which others may follow."""
        while True:
            self._wake.wait()
            self._wake.clear()
            pause()
            try:
                self.save()
            except Exception:
                failed()


class _Saver(pickle.Pickler):
    """Backends are named instead of saved, locks made anew, the contents of objects kept as files."""

    def __init__(self, file: IO[bytes], objects: Path) -> None:
        super().__init__(file)
        self._objects = objects
        self.kept: set[str] = set()

    def persistent_id(self, found: Any) -> Any:
        if isinstance(found, BaseBackend):
            return ("backend", _name_of(found), found.account_id, _region_of(found))
        if isinstance(found, StoredValue) and found.path is not None:
            self.kept.add(found.path.name)
            return ("object", found.path.name)
        return None

    def reducer_override(self, found: Any) -> Any:
        match found:
            case _LOCK():
                return threading.Lock, ()
            case _RLOCK():
                return threading.RLock, ()
            case RSAPrivateKey() | EllipticCurvePrivateKey():
                return _private_key, (found.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),)
            case FakeKey():
                return self._key(found)
            case dict() if type(found) not in _PLAIN:
                return _bare, (type(found),), _inside(found), None, None, _fill_mapping
        if getattr(found, "__qualname__", "").endswith("<locals>.<lambda>"):
            return _nested, ()  # of SSM's tags, the one function that a service keeps
        return NotImplemented

    def _key(self, key: Any) -> Any:
        buffer = key._value_buffer  # noqa: SLF001 - where moto keeps an object's content
        gone = key.disposed or getattr(buffer, "closed", False)
        if not gone and not (isinstance(buffer, StoredValue) and buffer.path is not None):
            kept = store(buffer, self._objects)
            buffer.close()
            buffer = key._value_buffer = kept  # noqa: SLF001
        members = {name: value for name, value in vars(key).items() if name not in _CONTENT}
        return _restored, (), {"members": members, "buffer": None if gone else buffer}, None, None, _fill


class _Loader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], objects: Path) -> None:
        super().__init__(file)
        self._objects = objects

    def persistent_load(self, pid: Any) -> Any:
        if pid[0] == "object":
            return StoredValue(self._objects / pid[1])
        _, name, account, region = pid
        return _backends(name)[account][region]


def _restored() -> Any:
    return FakeKey.__new__(FakeKey)


def _fill(key: Any, state: dict[str, Any]) -> None:
    vars(key).update(state["members"], lock=threading.Lock(), disposed=state["buffer"] is None)
    key._value_buffer = state["buffer"]  # noqa: SLF001


def _bare(kind: Any) -> Any:
    return kind.__new__(kind)


def _inside(mapping: Any) -> dict[str, Any]:
    """What moto's own kinds of mapping hold, past what their methods show of it."""
    return {
        "items": dict(dict.items(mapping)),
        "members": getattr(mapping, "__dict__", {}),
        "missing": getattr(mapping, "default_factory", None),
    }


def _fill_mapping(mapping: Any, state: dict[str, Any]) -> None:
    dict.update(mapping, state["items"])
    if state["members"]:
        vars(mapping).update(state["members"])
    if state["missing"] is not None:
        mapping.default_factory = state["missing"]


def _private_key(pem: bytes) -> Any:
    return load_pem_private_key(pem, None)


def _nested() -> Any:
    return _tags


def _tags() -> defaultdict[str, dict[str, str]]:
    return defaultdict(dict)


def _backends(name: str) -> Any:
    return backends.get_backend(name)  # type: ignore[call-overload]


def _name_of(backend: BaseBackend) -> str:
    in_use: list[Any] = BackendDict._instances  # type: ignore[misc]  # noqa: SLF001 - moto's own list
    for known in in_use:
        if known.backend is type(backend):
            return str(known.service_name)
    raise LookupError(type(backend).__name__)


def _region_of(backend: BaseBackend) -> str:
    """The key it is found by: global services have one backend a partition."""
    regions = _backends(_name_of(backend))[backend.account_id]
    return next(str(region) for region, found in regions.items() if found is backend)
