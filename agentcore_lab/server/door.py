"""The door of AWS's routes: nobody gets past it whose signature is not good, or who has none where one is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.authorization.principals import Caller
from agentcore_lab.clock import machine_time
from agentcore_lab.errors import AccessDeniedException, GatewayTimeoutException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.limits import SYNCHRONOUS_TIMEOUT_SECONDS
from agentcore_lab.runtime.time_limit import TimeLimits
from agentcore_lab.server.body import Body, take_body
from agentcore_lab.server.callers import brings_token, know_caller
from agentcore_lab.server.origin import is_foreign
from agentcore_lab.wire.signature import Head, is_signed, signature_of
from agentcore_lab.wire.signature_errors import (
    IncompleteSignatureException,
    MissingAuthenticationTokenException,
    SignatureRefused,
)
from agentcore_lab.wire.sigv2 import access_key_in, check_presigned
from agentcore_lab.wire.sigv4 import check_key, check_scope, check_signature, check_time, unhashed_payload

_ISSUED = web.RequestKey("issued", Credentials)
_S3 = frozenset({"s3"})
MISSING = "Missing Authentication Token"


@dataclass(frozen=True, slots=True)
class Wants:
    """What a route asks of its callers.

    ``services`` are the names a signature may be for, None: any. ``regional``: it must be for the engine's region.
    ``most`` bytes of a body are taken. ``tokens``: bearer tokens are for the route itself to look at. ``nobody``: it
    knows what to say to callers who bring nothing. ``bucket`` is S3's, if the host name told it.
    """

    services: frozenset[str] | None
    regional: bool
    most: int
    tokens: bool = False
    nobody: bool = False
    bucket: str = ""


class Door:
    """Lets requests in. Signatures are made at the time of the machine's clock, whatever the engine's shows.

    ``folder`` takes bodies that are too long for memory, ``limits`` keep those that never end. ``verifies`` is
    False with ``--no-sigv4``: then a key that is known still says whose a request is, and everybody else is of the
    default account.
    """

    def __init__(
        self,
        accounts: Accounts,
        region: str,
        folder: Path,
        limits: TimeLimits,
        *,
        verifies: bool = True,
        now: Callable[[], datetime] = machine_time,
    ) -> None:
        self._accounts = accounts
        self._region = region
        self._folder = folder
        self._limits = limits
        self._verifies = verifies
        self._now = now

    async def admit(self, request: web.Request, wants: Wants) -> Scope:
        """The account and region a request is of; from then on ``asker_of`` and ``body_of`` know it.

        Raises:
            AccessDeniedException: a web page of another origin sends it, without proof of who asks for it.
            SignatureRefused: it is not signed, or not well.
            GatewayTimeoutException: its body, which is part of what was signed, takes too long to come.
            ValidationException: its body is too large.
        """
        body = take_body(request, wants.most)
        if brings_token(request):
            if not wants.tokens:
                raise IncompleteSignatureException("Unsupported AWS 'algorithm': 'Bearer'")
            return self._scope(self._accounts.default_id)
        head = head_of(request)
        older = access_key_in(head) if wants.services == _S3 else None
        signed = is_signed(head) or older is not None
        # What is signed has been allowed by whoever has the secret, who may have given it to a page of his own.
        if is_foreign(request) and not (signed and self._verifies):
            raise AccessDeniedException("A web page of another origin may not ask this engine for anything.")
        if not self._verifies:
            return self._known(request, self._claimed(head) if signed else None)
        if older is not None:
            found = self._accounts.of_key(older)
            check_presigned(head, wants.bucket, older, found, self._now())
            return self._known(request, found)
        if signed:
            return self._known(request, await self._verified(head, body, wants))
        if not wants.nobody:
            raise MissingAuthenticationTokenException(MISSING)
        return self._scope(self._accounts.default_id)

    def lasts(self, request: web.Request) -> bool:
        """Whether the credentials that a request was let in with are still good: for answers that have no end."""
        if not self._verifies:
            return True
        issued = self._accounts.of_key(request[_ISSUED].access_key_id)
        return issued is not None and (issued.expires_at is None or issued.expires_at > self._now())

    async def _verified(self, head: Head, body: Body, wants: Wants) -> Credentials:
        """The credentials that a request is signed with; its head is looked at before its body is received."""
        signature, now = signature_of(head), self._now()
        credentials = self._accounts.of_key(signature.access_key_id)
        check_key(signature, credentials, now)
        assert credentials is not None, "a key that nobody has is refused"
        check_scope(signature, wants.services, self._region if wants.regional else None)
        check_time(signature, now)
        payload = unhashed_payload(signature, head) or await self._received(body)
        check_signature(signature, head, credentials, payload)
        return credentials

    async def _received(self, body: Body) -> str:
        """The hash of a body that has come in the time that a call may take."""
        try:
            async with self._limits.limit(SYNCHRONOUS_TIMEOUT_SECONDS):
                return await body.receive(self._folder)
        except TimeoutError:
            raise GatewayTimeoutException(
                f"The request's body had not come within {SYNCHRONOUS_TIMEOUT_SECONDS} s."
            ) from None

    def _claimed(self, head: Head) -> Credentials | None:
        try:
            return self._accounts.of_key(access_key_in(head) or signature_of(head).access_key_id)
        except SignatureRefused:
            return None

    def _known(self, request: web.Request, credentials: Credentials | None) -> Scope:
        found = credentials or self._accounts.credentials(self._accounts.default_id)
        request[_ISSUED] = found
        know_caller(request, Caller(found.account_id, found.principal_arn))
        return self._scope(found.account_id)

    def _scope(self, account_id: str) -> Scope:
        return Scope(account_id, self._region)


def head_of(request: web.Request) -> Head:
    """What a signature covers of a request besides its body."""
    path, _, query = request.raw_path.partition("?")
    return Head(request.method, path, query, tuple(request.headers.items()))
