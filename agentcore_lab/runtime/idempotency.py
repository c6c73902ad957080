"""clientToken: the same request, sent twice, is done once and answered the same."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.store.db import Database

IDEMPOTENT = frozenset(
    {
        "CreateAgentRuntime",
        "UpdateAgentRuntime",
        "DeleteAgentRuntime",
        "CreateAgentRuntimeEndpoint",
        "UpdateAgentRuntimeEndpoint",
        "DeleteAgentRuntimeEndpoint",
    }
)
"""The operations of the runtime room whose input has a clientToken."""

REMEMBERED = timedelta(hours=24)
"""How long a token is known. AWS does not say; a day outlives every client's retries."""

_MOMENT = "$moment"


class ClientTokens:
    """The tokens of the last day with what was answered to each; refusals are not remembered."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._turns: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    def once(self, name: str, operation: Operation) -> Operation:
        """``operation``, done once for each token.

        The operation raises ValidationException (IdempotentParameterMismatchException) when a token comes back
        with another input.
        """

        async def do_once(scope: Scope, params: Params) -> Result:
            token = params.get("clientToken")
            if token is None:
                return await operation(scope, params)
            # A client that gives up and asks again must find what its first request did: that goes on.
            task = asyncio.create_task(
                self._answer((scope.account_id, scope.region, name, token), operation, scope, params)
            )
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            return await asyncio.shield(task)

        return do_once

    async def _answer(
        self, key: tuple[str, ...], operation: Operation, scope: Scope, params: Params
    ) -> Result:
        request = _fingerprint(params)
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            if known := self._known(key):
                if known[0] != request:
                    raise ValidationException(
                        "The clientToken was used before with other parameters. Use a new one for a new request.",
                        reason="IdempotentParameterMismatchException",
                    )
                return known[1]
            answer = await operation(scope, params)
            self._remember(key, request, answer)
            return answer

    def _known(self, key: tuple[str, ...]) -> tuple[str, Result] | None:
        rows = self._db.query(
            "SELECT request, answer FROM client_token"
            " WHERE account_id = ? AND region = ? AND operation = ? AND token = ? AND expires_at > ?",
            (*key, self._clock.now().isoformat()),
        )
        return (rows[0]["request"], json.loads(rows[0]["answer"], object_hook=_moment)) if rows else None

    def _remember(self, key: tuple[str, ...], request: str, answer: Result) -> None:
        now = self._clock.now()
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM client_token WHERE expires_at <= ?", (now.isoformat(),))
            connection.execute(
                "INSERT INTO client_token (account_id, region, operation, token, request, answer, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*key, request, json.dumps(answer, default=_plain), (now + REMEMBERED).isoformat()),
            )


def _fingerprint(params: Params) -> str:
    """A digest of the input: environment variables are not kept a second time."""
    rest = {name: value for name, value in params.items() if name != "clientToken"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {_MOMENT: value.isoformat()}
    raise TypeError(f"an answer holds a {type(value).__name__}")


def _moment(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value[_MOMENT]) if _MOMENT in value else value
