"""JSON documents of identity providers, fetched with bounds: what a stranger's server can cost is known beforehand."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp

from agentcore_lab.json_text import read_json

MOST_BYTES = 256 * 1024
SECONDS = 5.0
"""For one document, from the connection to its last byte; both are chosen here."""


class Unavailable(Exception):  # noqa: N818 - a state, named as one
    """The document cannot be had; the message says why, in a part of a sentence."""


class Documents(Protocol):
    """Where documents come from."""

    async def get(self, url: str) -> dict[str, Any]:
        """The JSON object at ``url``. Raises Unavailable."""
        ...


class HttpDocuments:
    """Documents by HTTP or HTTPS; redirects are not followed, so that a document is where its URL says."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def get(self, url: str) -> dict[str, Any]:
        """The JSON object at ``url``. Raises Unavailable."""
        if urlsplit(url).scheme not in {"http", "https"}:
            raise Unavailable(f"{url} is not a web address")
        try:
            return _object(url, await self._bytes(url))
        except TimeoutError as error:
            raise Unavailable(f"{url} did not answer within {SECONDS:g} seconds") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(f"{url} cannot be reached") from error

    async def _bytes(self, url: str) -> bytes:
        # Not compressed: a few bytes must not become many.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with self._client.get(url, headers=headers, allow_redirects=False, timeout=timeout) as answer:
            if answer.status != 200:
                raise Unavailable(f"{url} answered {answer.status}")
            read = bytearray()
            async for chunk in answer.content.iter_any():
                read += chunk
                if len(read) > MOST_BYTES:
                    raise Unavailable(f"{url} has more than {MOST_BYTES} bytes")
            return bytes(read)


def _object(url: str, content: bytes) -> dict[str, Any]:
    try:
        document = read_json(content)
    except ValueError as error:
        raise Unavailable(f"{url} is no JSON") from error
    if not isinstance(document, dict):
        raise Unavailable(f"{url} is no JSON object")
    return document
