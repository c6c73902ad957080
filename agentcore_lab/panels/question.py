"""What one invocation sends: a prompt, a payload, a file, and as whom."""

from __future__ import annotations

import base64
import json
import mimetypes
from dataclasses import dataclass, field
from typing import Any

_KINDS = frozenset({"image", "video", "audio"})
_PLACEHOLDER = "@"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send: as the payload itself with its own content type (``whole``), or in the JSON document.

    There it is ``media``, in base64 (AWS: runtime-invoke-agent, "Invoke multi-modal agents").
    """

    name: str
    type: str
    data: bytes = field(repr=False)
    whole: bool = False

    @classmethod
    def of(cls, name: str, data: bytes, content_type: str = "", *, whole: bool = False) -> Attachment:
        """A file whose type follows from its name where it is not given."""
        guessed = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return cls(name, guessed, data, whole)

    def media(self, data: str) -> dict[str, str]:
        """The member of the JSON document, with ``data`` for the bytes."""
        kind, _, subtype = self.type.partition("/")
        suffix = self.name.rpartition(".")[2].lower()
        known = kind in _KINDS or subtype == "pdf"
        return {
            "type": kind if kind in _KINDS else "document",
            "format": subtype if known else suffix,
            "data": data,
        }


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom an invocation is for: whoever signs it, a user in whose name that is done, or the bearer of a token.

    AWS: InvokeAgentRuntime, ``runtimeUserId``; runtime-oauth.
    """

    user_id: str = ""
    token: str = field(default="", repr=False)

    def words(self) -> str:
        """For a person; a token is not told."""
        return "bearer token" if self.token else f"user {self.user_id}" if self.user_id else ""


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent: ``prompt`` as ``{"prompt": …}``, or, with ``raw``, as the payload; a file beside it or instead."""

    runtime_arn: str
    session_id: str
    qualifier: str
    prompt: str
    raw: bool = False
    file: Attachment | None = None
    caller: Caller = field(default_factory=Caller)

    @property
    def content_type(self) -> str:
        """The payload's."""
        return self.file.type if self.file and self.file.whole else "application/json"

    def payload(self) -> bytes:
        """The request's body; a raw prompt goes out as it is, valid JSON or not.

        Raises:
            ValueError: a file cannot go beside a payload that is no JSON object.
        """
        if self.file is None:
            return (self.prompt if self.raw else json.dumps({"prompt": self.prompt})).encode()
        if self.file.whole:
            return self.file.data
        before, after = self.around()
        return before.encode() + base64.b64encode(self.file.data) + after.encode()

    def around(self) -> tuple[str, str]:
        """The JSON document before and after the file's base64.

        Raises:
            ValueError: a file cannot go beside a payload that is no JSON object.
        """
        assert self.file is not None
        others = {name: value for name, value in self.document().items() if name != "media"}
        document = json.dumps({**others, "media": self.file.media(_PLACEHOLDER)})
        before, _, after = document.rpartition(f'"{_PLACEHOLDER}"')
        return f'{before}"', f'"{after}'

    def document(self) -> dict[str, Any]:
        """What a file stands beside.

        Raises:
            ValueError: the payload is no JSON object.
        """
        if not self.raw:
            return {"prompt": self.prompt}
        found = json.loads(self.prompt)
        if not isinstance(found, dict):
            raise ValueError("a list or a plain value has no members")  # noqa: TRY004 - of the same kind as bad JSON
        return found

    def parameters(self) -> dict[str, Any]:
        """The arguments of ``invoke_agent_runtime``. Raises ValueError, as ``payload`` does."""
        user = {"runtimeUserId": self.caller.user_id} if self.caller.user_id else {}
        return {
            "agentRuntimeArn": self.runtime_arn,
            "runtimeSessionId": self.session_id,
            "qualifier": self.qualifier,
            **user,
            "contentType": self.content_type,
            "accept": "application/json, text/event-stream",
            "payload": self.payload(),
        }
