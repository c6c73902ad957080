"""Forwards to Amazon Bedrock itself, with the user's credentials and at the user's cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.errors import AccessDeniedException, AwsError
from agentcore_lab.model.base import Event, Invoked, Params
from agentcore_lab.model.errors import ERRORS, ModelErrorException, ServiceUnavailableException

_READ_SECONDS = 3600
_MOST_CALLS = 32
"""At the same time; more wait."""

_COUNTS = ("x-amzn-bedrock-input-token", "x-amzn-bedrock-output-token", "x-amzn-bedrock-invocation")
_UNKNOWN: Final = object()

Connect = Callable[[], Any]
"""Makes a boto3 client of bedrock-runtime."""


class Bedrock:
    """Passes every call on as it came; AWS's answers, errors and events come back as they are."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._client: Any = None
        self._threads = ThreadPoolExecutor(_MOST_CALLS, "bedrock")

    async def converse(self, params: Params) -> dict[str, Any]:
        """Converse. Raises AwsError."""
        return _result(await self._call("converse", params))

    def converse_stream(self, params: Params) -> AsyncIterator[Event]:
        """The events of ConverseStream. Raises AwsError."""
        return self._events("converse_stream", params, "stream")

    async def invoke(self, params: Params) -> Invoked:
        """InvokeModel, whatever body the model takes. Raises AwsError."""
        answer = await self._call("invoke_model", params)
        sent = answer["ResponseMetadata"]["HTTPHeaders"]
        headers = {name: text for name, text in sent.items() if name.startswith(_COUNTS)}
        body = await self._in_thread(answer["body"].read)
        return Invoked({**_result(answer), "body": body}, headers)

    def invoke_stream(self, params: Params) -> AsyncIterator[Event]:
        """The events of InvokeModelWithResponseStream. Raises AwsError."""
        return self._events("invoke_model_with_response_stream", params, "body")

    async def count_tokens(self, params: Params) -> dict[str, Any]:
        """CountTokens. Raises AwsError."""
        return _result(await self._call("count_tokens", params))

    async def _events(self, method: str, params: Params, member: str) -> AsyncIterator[Event]:
        answer = await self._call(method, params)
        stream = answer[member]
        try:
            events = iter(stream)
            while (event := await self._in_thread(_next, events)) is not _UNKNOWN:
                yield event
        finally:
            stream.close()

    async def _call(self, method: str, params: Params) -> dict[str, Any]:
        answer: dict[str, Any] = await self._in_thread(self._call_now, method, params)
        return answer

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """boto3 blocks; the threads are this model's own, so that nothing else of the engine waits for AWS."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _call_now(self, method: str, params: Params) -> dict[str, Any]:
        try:
            if self._client is None:
                self._client = self._connect()
            answer: dict[str, Any] = getattr(self._client, method)(**params)
        except (ClientError, BotoCoreError) as error:
            raise _as_aws(error) from error
        return answer


def to_aws(region: str, profile: str, lab_keys: tuple[str, ...]) -> Connect:
    """Connects to AWS in ``region`` with the credentials of ``profile``, or those boto3 finds if it is empty.

    Credentials whose key starts with one of ``lab_keys`` are an engine's, which AWS does not know.
    """

    def connect() -> Any:
        session = boto3.Session(profile_name=profile or None, region_name=region)
        credentials = session.get_credentials()
        if credentials is None or credentials.access_key.startswith(lab_keys):
            raise AccessDeniedException(
                "The engine has no credentials for Amazon Bedrock. Start it where they are set, or name a profile: "
                "--model bedrock=PROFILE."
            )
        # The variables that lead clients to this engine would lead it to itself.
        config = Config(  # type: ignore[call-arg,unused-ignore]  # the stubs do not know it
            ignore_configured_endpoint_urls=True, read_timeout=_READ_SECONDS
        )
        return session.client("bedrock-runtime", config=config)

    return connect


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _next(events: Iterator[dict[str, Any]]) -> Any:
    try:
        event = next(events, None)
    except (ClientError, BotoCoreError) as error:
        raise _as_aws(error) from error
    return _UNKNOWN if event is None else Event(*next(iter(event.items())))


def _as_aws(error: ClientError | BotoCoreError) -> AwsError:
    """What AWS, or the way there, has said."""
    if not isinstance(error, ClientError):
        return ServiceUnavailableException(f"Amazon Bedrock cannot be reached: {error}")
    said = error.response["Error"]
    code = said["Code"][:1].upper() + said["Code"][1:]  # of an event in a stream it is a member's name
    return ERRORS.get(code, ModelErrorException)(said["Message"])
