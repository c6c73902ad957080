"""What the identity provider is made of, in one file of its folder: people, clients, signing keys.

The provider follows the file: whoever changes it (the engine, a command) changes what the provider does next.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

FILE = "provider.json"
_LOCK = "provider.lock"
_KEY_BITS = 2048

SCOPES = ("openid", "profile", "email", "agent:invoke", "agent:read")
"""Those that clients may ask for."""

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693's name of a grant

AUDIENCE = "agentcore-lab"
"""The ``aud`` of access tokens that were asked for without a ``resource`` (RFC 8707)."""


class UnknownClient(ValueError):  # noqa: N818 - a state, named as one
    """No client has this id; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can sign in. ``groups`` becomes a claim of their tokens."""

    username: str
    name: str
    email: str
    groups: tuple[str, ...]
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Client:
    """An application that tokens are issued to, with a secret; ``asks``: its users are asked for their consent."""

    id: str
    name: str
    secret: str = field(repr=False)
    grants: tuple[str, ...]
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()
    asks: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """A key that tokens are signed with; the youngest signs, all are published."""

    pem: str = field(repr=False)
    issued_at: str


@dataclass(frozen=True, slots=True)
class State:
    """All of it. ``cookie_secret`` signs the provider's cookies and forms."""

    people: tuple[Person, ...]
    clients: tuple[Client, ...]
    keys: tuple[Key, ...]
    cookie_secret: str = field(repr=False)


def read(folder: Path) -> State:
    """What the folder says. Raises FileNotFoundError where nothing has been made yet."""
    stored: dict[str, Any] = json.loads((folder / FILE).read_text())
    return State(
        people=tuple(Person(**{**each, "groups": tuple(each["groups"])}) for each in stored["people"]),
        clients=tuple(_client(each) for each in stored["clients"]),
        keys=tuple(Key(**each) for each in stored["keys"]),
        cookie_secret=stored["cookie_secret"],
    )


def read_or_make(folder: Path, now: datetime) -> State:
    """What the folder says; two people, two clients and a key with secrets of their own where it is empty."""
    with _changing(folder):
        if not (folder / FILE).exists():
            _write(folder, _fresh(now))
        return read(folder)


def rotate(folder: Path, now: datetime, *, retire: bool) -> State:
    """Sign with a new key from now on; ``retire`` the older ones, whose tokens nobody can verify any more."""
    with _changing(folder):
        state = read(folder)
        older = () if retire else state.keys
        state = replace(state, keys=(*older, _new_key(now)))
        _write(folder, state)
        return state


def allow_redirect(folder: Path, client_id: str, uri: str) -> State:
    """Let the client be answered at ``uri`` too. Raises UnknownClient."""
    with _changing(folder):
        state = read(folder)
        if client_id not in {each.id for each in state.clients}:
            known = ", ".join(each.id for each in state.clients)
            raise UnknownClient(f"The identity provider has no client {client_id!r}: there are {known}.")
        clients = tuple(_with_redirect(each, uri) if each.id == client_id else each for each in state.clients)
        state = replace(state, clients=clients)
        _write(folder, state)
        return state


def _with_redirect(client: Client, uri: str) -> Client:
    return replace(client, redirect_uris=tuple(dict.fromkeys((*client.redirect_uris, uri))))


def _client(stored: dict[str, Any]) -> Client:
    lists = {name: tuple(stored[name]) for name in ("grants", "scopes", "redirect_uris")}
    return Client(**{**stored, **lists})


def _fresh(now: datetime) -> State:
    return State(
        people=(
            Person("alice", "Alice Liddell", "alice@example.com", ("readers", "admins"), _secret()),
            Person("bob", "Bob Builder", "bob@example.com", ("readers",), _secret()),
        ),
        clients=(
            Client(
                "lab-web",
                "Lab web application",
                _secret(),
                grants=("authorization_code", "refresh_token"),
                scopes=SCOPES,
                redirect_uris=(
                    "http://127.0.0.1:8081/oauth2/callback",
                    "http://localhost:8081/oauth2/callback",
                ),
            ),
            Client(
                "lab-service",
                "Lab service",
                _secret(),
                grants=("client_credentials", TOKEN_EXCHANGE),
                scopes=("agent:invoke", "agent:read"),
            ),
        ),
        keys=(_new_key(now),),
        cookie_secret=secrets.token_urlsafe(48),
    )


def _secret() -> str:
    return secrets.token_urlsafe(18)


def _new_key(now: datetime) -> Key:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Key(pem, now.isoformat())


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(folder: Path, state: State) -> None:
    draft = folder / f"{FILE}.tmp"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(state), file, indent=2)
    draft.replace(folder / FILE)
