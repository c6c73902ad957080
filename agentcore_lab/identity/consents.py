"""Users' consents under way: from the URL a user is sent to until the token is fetched, ten minutes at most."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from agentcore_lab.clock import Clock
from agentcore_lab.errors import AccessDeniedException, ServiceQuotaExceededException
from agentcore_lab.identity.users import User
from agentcore_lab.runtime.arn import Scope

LIFETIME = timedelta(minutes=10)
"""Of an authorization URL and its session (AWS: oauth2-authorization-url-session-binding)."""

_PREFIX = "urn:ietf:params:oauth:request_uri:"
_MOST = 10_000


class Stage(StrEnum):
    """How far a consent has come."""

    ASKED = "ASKED"
    GIVEN = "GIVEN"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent asks a user's leave for. ``return_url`` is its application's, where the user comes back to."""

    scope: Scope
    provider: str
    workload: str
    user: User
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    return_url: str = ""
    custom_state: str | None = field(default=None, repr=False)
    custom_parameters: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent. ``uri`` names it; ``state`` and ``verifier`` are between the engine and the provider alone."""

    wanted: Wanted
    uri: str
    ends_at: datetime
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    stage: Stage = Stage.ASKED
    code: str | None = field(default=None, repr=False)

    @property
    def challenge(self) -> str:
        """The verifier's SHA-256 (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Consents:
    """The consents of one engine, in its memory: a consent that an engine's end interrupts is asked for again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_uri: dict[str, Consent] = {}
        self._uri_by_state: dict[str, str] = {}

    def ask(self, wanted: Wanted) -> Consent:
        """A new consent, still to be given. Raises ServiceQuotaExceededException: far too many are under way."""
        self._forget_old()
        if len(self._by_uri) >= _MOST:
            raise ServiceQuotaExceededException(f"{_MOST} authorizations are under way at once.")
        consent = Consent(
            wanted=wanted,
            uri=_PREFIX + secrets.token_urlsafe(32),
            ends_at=self._clock.now() + LIFETIME,
            state=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )
        self._by_uri[consent.uri] = consent
        self._uri_by_state[consent.state] = consent.uri
        return consent

    def of_uri(self, uri: str) -> Consent:
        """The consent of this name. Raises AccessDeniedException: there is none, or its time is over."""
        self._forget_old()
        consent = self._by_uri.get(uri)
        if consent is None:
            raise invalid_session()
        return consent

    def of_state(self, state: str) -> Consent | None:
        """The consent whose provider sends this state back; once only: a second answer finds none."""
        self._forget_old()
        uri = self._uri_by_state.pop(state, None)
        return self._by_uri[uri] if uri is not None else None

    def move(self, consent: Consent, stage: Stage, code: str | None = None) -> Consent:
        """The consent at another stage; the code of one that was given is kept until it is exchanged."""
        moved = replace(consent, stage=stage, code=code)
        self._by_uri[consent.uri] = moved
        return moved

    def _forget_old(self) -> None:
        now = self._clock.now()
        # All last equally long, so those that began first end first.
        for uri, consent in list(self._by_uri.items()):
            if consent.ends_at > now:
                break
            del self._by_uri[uri]
            self._uri_by_state.pop(consent.state, None)


def invalid_session() -> AccessDeniedException:
    """AWS's words for a session that is not there, over, or another user's (observed by its users)."""
    return AccessDeniedException("Invalid or expired session")
