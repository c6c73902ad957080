"""Operations of other services that the engine answers itself: STS's, and CodeBuild's on builds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from agentcore_lab.authorization.principals import Caller
from agentcore_lab.codebuild.operations import Operation
from agentcore_lab.codebuild.record import Account
from agentcore_lab.codebuild.request import read_request
from agentcore_lab.neighbours.destination import region_of
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.server.sts import SecurityTokens

MAX_BODY = 256 * 1024
"""Bytes. Requests of these operations are small."""


class AnsweredHere:
    """What moto could only pretend. Requests it leaves to moto are given back as they came."""

    def __init__(self, tokens: SecurityTokens, builds: Mapping[str, Operation]) -> None:
        self._tokens = tokens
        self._builds = builds

    def may_answer(self, service: str, request: web.Request) -> bool:
        """Whether the body has to be read to know."""
        if service == "codebuild":
            return _operation(request) in self._builds
        return service == "sts"

    async def answer(
        self, service: str, request: web.Request, body: bytes, scope: Scope, caller: Caller, request_id: str
    ) -> web.Response | None:
        """The answer; None if it is moto's to give. Raises AwsError."""
        headers = {"x-amzn-RequestId": request_id}
        if service == "sts":
            form = dict(
                parse_qsl(request.raw_path.partition("?")[2]) + parse_qsl(body.decode(errors="replace"))
            )
            said = self._tokens.answer(form, caller, request_id)
            return None if said is None else web.Response(body=said, content_type="text/xml", headers=headers)
        name = _operation(request)
        account = Account(scope.account_id, region_of(request.headers) or scope.region)
        params = await asyncio.to_thread(read_request, name, body)
        answer = await self._builds[name](account, caller.arn, params)
        return web.Response(
            body=json.dumps(answer), content_type="application/x-amz-json-1.1", headers=headers
        )


def _operation(request: web.Request) -> str:
    return request.headers.get("X-Amz-Target", "").rpartition(".")[2]
