"""STS and IAM where they speak of credentials: those the engine's door takes are the engine's own."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.accounts.sts import asked_for, foreign_role, form_of, identity, with_credentials
from agentcore_lab.authorization.principals import Caller
from agentcore_lab.clock import machine_time
from agentcore_lab.errors import AccessDeniedException
from agentcore_lab.server.body import body_of
from agentcore_lab.server.callers import caller_of

SERVICES = frozenset({"sts", "iam"})


class TokenService:
    """Stands between callers and moto, which knows nothing of the engine's accounts.

    Calls that nobody signed, with a token of a web identity, get moto's answer: its credentials open nothing here,
    since moto believes every token.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def answered(self, request: web.Request, request_id: str) -> web.Response | None:
        """The answer, where it is not moto's to give. Raises AccessDeniedException."""
        caller = caller_of(request)
        if caller is None:
            return None
        form = form_of(await body_of(request).read())
        if form.get("Action") == "GetCallerIdentity":
            return web.Response(
                body=identity(caller, request_id),
                headers={"Content-Type": "text/xml", "x-amzn-RequestId": request_id},
            )
        if why := foreign_role(form, caller):
            raise AccessDeniedException(why)
        return None

    async def put_right(self, request: web.Request, answer: bytes) -> bytes:
        """moto's good answer, with credentials that are the engine's; a key that was deleted opens nothing more."""
        caller = caller_of(request)
        if caller is None:
            return answer
        form = form_of(await body_of(request).read())
        if form.get("Action") == "DeleteAccessKey":
            self._accounts.revoke(caller.account_id, form.get("AccessKeyId", ""))
            return answer
        return self._with_own(answer, caller)

    def _with_own(self, answer: bytes, caller: Caller) -> bytes:
        asked = asked_for(answer, caller)
        if asked is None:
            return answer
        if asked.ends is None:
            issued = self._accounts.issue_to_user(caller.account_id, asked.principal_arn, asked.access_key_id)
        else:
            lifetime = asked.ends - machine_time()
            issued = self._accounts.issue_temporary(caller.account_id, asked.principal_arn, lifetime)
        return with_credentials(answer, issued)
