"""The keys of issuers: found by discovery, kept for a while, fetched again when a token names one that is not known.

AWS documents discovery and rotation, not how long it keeps what it found: the durations are chosen here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt

from agentcore_lab.clock import Clock
from agentcore_lab.identity.documents import Documents, Unavailable

KEPT_FOR = timedelta(minutes=5)
"""By the engine's clock. Then keys that were withdrawn are forgotten."""

MOST_FETCHES = 6
FETCHES_WITHIN = timedelta(minutes=1)
"""How often an issuer is asked at most, whatever tokens name."""

_MOST_KEYS = 64
_MOST_RSA_CHARACTERS = 8192 // 6 + 2
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
ALGORITHMS = frozenset({f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)})
"""Signatures by a private key alone: neither ``none`` nor those by a shared secret."""


@dataclass(slots=True)
class Issuer:
    """What an issuer publishes: its name and its keys, as they were at ``since``."""

    name: str
    keys: tuple[Mapping[str, Any], ...]
    since: datetime
    _made: dict[tuple[int, str], jwt.PyJWK] = field(default_factory=dict)

    def suited(self, kid: str | None, algorithm: str) -> list[jwt.PyJWK]:
        """The keys a signature may be by. Without a ``kid`` the only one of its kind; the token has no other say."""
        suited = [
            (number, key)
            for number, key in enumerate(self.keys)
            if _suits(key, algorithm) and (kid is None or key.get("kid") == kid)
        ]
        if kid is None and len(suited) > 1:
            return []
        return list(self._ready(suited, algorithm))

    def _ready(self, keys: list[tuple[int, Mapping[str, Any]]], algorithm: str) -> Iterator[jwt.PyJWK]:
        for number, key in keys:
            made = self._made.get((number, algorithm))
            if made is None:
                try:
                    made = jwt.PyJWK(dict(key), algorithm)
                except (jwt.PyJWTError, ValueError, TypeError, KeyError):
                    continue  # a key nobody can use is none
                self._made[number, algorithm] = made
            yield made


class Issuers:
    """Issuers by their discovery URL. Many calls that need the same issuer wait for one fetch."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._known: dict[str, Issuer] = {}
        self._fetched: dict[str, deque[datetime]] = {}
        self._under_way: dict[str, asyncio.Task[Issuer]] = {}

    async def keys(
        self, discovery_url: str, kid: str | None, algorithm: str
    ) -> tuple[Issuer, list[jwt.PyJWK]]:
        """The issuer, and its keys that a token may be signed by. Raises Unavailable."""
        issuer = self._known.get(discovery_url)
        if issuer is None or self._clock.now() - issuer.since >= KEPT_FOR:
            issuer = await self._fetch(discovery_url)
        suited = issuer.suited(kid, algorithm)
        if not suited and self._may_ask(discovery_url):
            issuer = await self._fetch(discovery_url)
            suited = issuer.suited(kid, algorithm)
        return issuer, suited

    def _may_ask(self, discovery_url: str) -> bool:
        moments = self._fetched.setdefault(discovery_url, deque(maxlen=MOST_FETCHES))
        return len(moments) < MOST_FETCHES or self._clock.now() - moments[0] >= FETCHES_WITHIN

    async def _fetch(self, discovery_url: str) -> Issuer:
        task = self._under_way.get(discovery_url)
        if task is None:
            if not self._may_ask(discovery_url):
                raise Unavailable(f"{discovery_url} has been asked too often within a minute")
            self._fetched[discovery_url].append(self._clock.now())
            task = asyncio.create_task(self._published(discovery_url))
            self._under_way[discovery_url] = task
            task.add_done_callback(lambda done: self._ended(discovery_url, done))
        # One caller that leaves must not fail the others.
        return await asyncio.shield(task)

    def _ended(self, discovery_url: str, task: asyncio.Task[Issuer]) -> None:
        del self._under_way[discovery_url]
        if not task.cancelled() and task.exception() is None:
            self._known[discovery_url] = task.result()

    async def _published(self, discovery_url: str) -> Issuer:
        document = await self._documents.get(discovery_url)
        name, keys_at = document.get("issuer"), document.get("jwks_uri")
        if not isinstance(name, str) or not isinstance(keys_at, str):
            raise Unavailable(f"{discovery_url} names no issuer and jwks_uri")
        if urlsplit(discovery_url).scheme == "https" != urlsplit(keys_at).scheme:
            raise Unavailable(f"{discovery_url} sends for its keys to {keys_at}, which is not protected")
        keys = (await self._documents.get(keys_at)).get("keys")
        if not isinstance(keys, list):
            raise Unavailable(f"{keys_at} is no key set")
        usable = tuple(key for key in keys[:_MOST_KEYS] if isinstance(key, dict))
        return Issuer(name, usable, self._clock.now())


def _suits(key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether the issuer publishes this key for such signatures (RFC 7517: kty, use, alg, key_ops)."""
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    operations = key.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return False
    if algorithm in _CURVES:
        return key.get("kty") == "EC" and key.get("crv") == _CURVES[algorithm]
    return key.get("kty") == "RSA" and len(str(key.get("n", ""))) <= _MOST_RSA_CHARACTERS
