"""Forwards to a server that speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM and their like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from agentcore_lab.clock import Clock
from agentcore_lab.errors import (
    AccessDeniedException,
    AwsError,
    ResourceNotFoundException,
    ThrottlingException,
)
from agentcore_lab.errors import ValidationException as Refused
from agentcore_lab.json_text import read_json
from agentcore_lab.model.base import Event, Params
from agentcore_lab.model.errors import (
    ModelErrorException,
    ModelStreamErrorException,
    ModelTimeoutException,
    ServiceUnavailableException,
)
from agentcore_lab.model.openai_words import Chunks, to_completion
from agentcore_lab.model.rules import check

_SILENCE_SECONDS = 300
"""How long the server may say nothing: a model is read from disk at its first question."""

_LONGEST_SHOWN = 500
_REFUSALS: dict[int, type[AwsError]] = {
    400: Refused,
    401: AccessDeniedException,
    403: AccessDeniedException,
    404: ResourceNotFoundException,
    422: Refused,
    429: ThrottlingException,
}


class OpenAi:
    """Talks through the server at ``url`` (with its ``/v1``).

    ``model`` is the server's name of a model; without one it is the caller's ``modelId`` if the server has it, and
    the first the server lists if not. ``key`` is sent as a bearer token.
    """

    def __init__(self, client: aiohttp.ClientSession, clock: Clock, url: str, model: str, key: str) -> None:
        self._client = client
        self._clock = clock
        self._url = url.rstrip("/")
        self._model = model
        self._headers = {"Accept-Encoding": "identity"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    async def talk(self, params: Params) -> AsyncIterator[Event]:
        """The events of one answer. Raises AwsError."""
        check(params)
        begun = self._clock.now()
        body = to_completion(params, self._model or await self._named(params["modelId"]))
        chunks = Chunks()
        started = False
        try:
            async for chunk in self._completion(body):
                if not started:
                    started = True
                    yield Event("messageStart", {"role": "assistant"})
                for event in chunks.events(chunk):
                    yield event
        except (ModelErrorException, ModelTimeoutException, ServiceUnavailableException) as error:
            if not started:
                raise
            raise ModelStreamErrorException(error.message) from error
        if not started:
            raise ModelErrorException(f"The model server at {self._url} ended its answer before it began.")
        for event in chunks.last():
            yield event
        took = (self._clock.now() - begun).total_seconds()
        usage = {"inputTokens": 0, "outputTokens": 0, **chunks.usage}
        usage["totalTokens"] = sum(usage.values())
        yield Event("metadata", {"usage": usage, "metrics": {"latencyMs": round(took * 1000)}})

    async def _named(self, wanted: str) -> str:
        """The model to ask for where none was set."""
        async with self._asking("GET", "/models", None) as answer:
            listed = _object(await answer.read())
        names = [each["id"] for each in listed.get("data") or ()]
        if not names:
            raise ResourceNotFoundException(f"The model server at {self._url} has no model.")
        return wanted if wanted in names else str(names[0])

    async def _completion(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The chunks of a streamed completion (OpenAI: server-sent events, the last is ``[DONE]``)."""
        async with self._asking("POST", "/chat/completions", body) as answer:
            rest = b""
            async for data in answer.content.iter_any():
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    text = line.strip().removeprefix(b"data:").strip()
                    if line.startswith(b"data:") and text not in {b"", b"[DONE]"}:
                        yield _object(text)

    def _asking(self, method: str, path: str, body: dict[str, Any] | None) -> _Asking:
        return _Asking(self._client, method, self._url + path, body, self._headers)


class _Asking:
    """One request to the server, whatever goes wrong with it told as Bedrock would."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        method: str,
        url: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
    ) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_SILENCE_SECONDS)
        self._url = url
        self._request = client.request(method, url, json=body, headers=headers, timeout=timeout)
        self._answer: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            self._answer = answer = await self._request
            if answer.status != 200:
                said = (await answer.content.read(_LONGEST_SHOWN)).decode(errors="replace")
                answer.close()
                refusal = _REFUSALS.get(answer.status, ModelErrorException)
                raise refusal(f"The model server answered {answer.status} at {self._url}: {said}")
        except (aiohttp.ClientError, OSError) as error:
            raise self._told(error) from error
        return answer

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        assert self._answer is not None
        self._answer.close()
        if isinstance(error, aiohttp.ClientError | OSError):
            raise self._told(error) from error

    def _told(self, error: Exception) -> AwsError:
        if isinstance(error, asyncio.TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
            return ModelTimeoutException(
                f"The model server at {self._url} said nothing for {_SILENCE_SECONDS} s."
            )
        return ServiceUnavailableException(
            f"The model server at {self._url} cannot be reached: {error}. Start it, or start the engine with another "
            "--model."
        )


def _object(text: bytes) -> dict[str, Any]:
    try:
        said = read_json(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ModelErrorException("The model server sent something that is no JSON object.")
    if error := said.get("error"):
        raise ModelErrorException(f"The model server failed: {str(error)[:_LONGEST_SHOWN]}")
    return said
