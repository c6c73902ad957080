"""The engine's own API under ``/_lab/`` as its clients ask it: in an account's name, signed as AWS's routes are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.plain_error import PlainError

SERVICE = "agentcore-lab"
"""What signatures of this API are for: AWS has no service of that name."""

WORK_SECONDS = 30.0
"""How long most answers may take."""


class LabRefused(PlainError, OSError):  # noqa: N818 - a state, named as one
    """The engine's own API refused a request; ``status`` is HTTP's, the message the engine's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class EngineGone(PlainError, OSError):  # noqa: N818 - a state, named as one
    """The engine does not answer any more; the message says how to have it back."""


class Api(Protocol):
    """The engine's own API, in somebody's name."""

    @property
    def url(self) -> str:
        """Where the engine answers."""
        ...

    def fetch(self, path: str) -> Any:
        """The JSON the engine answers on ``/_lab/{path}``. Raises LabRefused, EngineGone."""
        ...

    def send(self, path: str, body: dict[str, Any], *, patience: float = ...) -> Any:
        """The JSON it answers when ``body`` is posted there. Raises LabRefused, EngineGone."""
        ...


@dataclass(frozen=True, slots=True)
class OwnApi:
    """The API of the engine at ``url``, which plays ``region``, for the holder of these credentials."""

    url: str
    region: str
    credentials: Credentials

    def fetch(self, path: str) -> Any:
        """The JSON the engine answers on ``/_lab/{path}``.

        Raises:
            LabRefused: the engine refused it.
            EngineGone: it does not answer.
        """
        return self._answered("GET", path, None, WORK_SECONDS)

    def send(self, path: str, body: dict[str, Any], *, patience: float = WORK_SECONDS) -> Any:
        """The JSON the engine answers within ``patience`` seconds when ``body`` is posted to ``/_lab/{path}``.

        Raises:
            LabRefused: the engine refused it.
            EngineGone: it does not answer.
        """
        return self._answered("POST", path, json.dumps(body).encode(), patience)

    def signed(self, method: str, path: str, body: bytes | None = None) -> dict[str, str]:
        """The headers with which ``/_lab/{path}`` is asked now, its signature among them."""
        bare, _, query = path.partition("?")
        # However the query is written, what is signed is its canonical form, which botocore does not make of a URL.
        canonical = urlencode(parse_qsl(query, keep_blank_values=True), quote_via=quote, safe="-_.~")
        request = AWSRequest(
            method,
            f"{self.url}/_lab/{bare}?{canonical}",
            headers={"Content-Type": "application/json"},
            data=body,
        )
        held = self.credentials
        keys = ReadOnlyCredentials(held.access_key_id, held.secret_access_key, held.session_token)
        SigV4Auth(keys, SERVICE, self.region).add_auth(request)
        return dict(request.headers.items())

    def _answered(self, method: str, path: str, body: bytes | None, patience: float) -> Any:
        try:
            return ask(self.url, path, body, self.signed(method, path, body), patience)
        except LabRefused:
            raise
        except (OSError, HTTPException) as error:
            raise EngineGone(gone(self.url)) from error


def ask(url: str, path: str, body: bytes | None, headers: dict[str, str], patience: float) -> Any:
    """The JSON that ``/_lab/{path}`` answers within ``patience`` seconds; posted to where there is a body.

    Raises:
        LabRefused: it was refused.
        OSError, HTTPException, ValueError: nothing of the kind answers there.
    """
    # Loopback never goes through a proxy the machine may have configured.
    opener = build_opener(ProxyHandler({}))
    request = Request(f"{url}/_lab/{path}", body, headers)  # noqa: S310 - the engine's own address
    try:
        with opener.open(request, timeout=patience) as response:
            return json.load(response)
    except HTTPError as error:
        with error:
            raise LabRefused(error.code, message_in(error.read()) or str(error)) from error


def message_in(answer: bytes) -> str:
    """The engine's sentence in the body of a refusal; empty where there is none."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def gone(url: str) -> str:
    """What is wrong when the engine at ``url`` does not answer any more, and what mends it."""
    return (
        f"The engine at {url} does not answer any more. Run the cell with `lab = Lab()` again, "
        "or `agentcore-lab serve`: runtimes and versions are kept, sessions start afresh."
    )
