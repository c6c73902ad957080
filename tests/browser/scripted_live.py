"""A real engine on scripted agents inside the notebook's kernel, for the live panels' tests."""

from __future__ import annotations

import asyncio
import json
import math
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from aiohttp import web

from agentcore_lab.clock import SystemClock, stopwatch
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.panels.calls import Source
from agentcore_lab.panels.feed import Feed
from agentcore_lab.sandbox.base import Usage
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.runtime.test_control_plane import create, settled


class LivelyBackend(ScriptedBackend):
    """Scripted sandboxes that use processor and memory as working agents do."""

    async def usage(self, sandbox_id: str) -> Usage | None:
        """A rising processor time, and memory that goes up and down; different for every sandbox."""
        if sandbox_id not in self.running:
            return None
        now, own = stopwatch(), int(sandbox_id[:4], 16) % 100
        return Usage(
            now * 0.3 + 2 * math.sin(now / 4 + own),
            int((90 + own + 20 * math.sin(now / 6 + own)) * 2**20),
            8 * 2**30,
        )


@dataclass
class LiveLab:
    """An engine, boto3's clients of it, and the source panels are made from."""

    engine: RunningEngine
    clients: Clients
    source: Source
    backend: ScriptedBackend
    start: Callable[[], None]
    stop: Callable[[], None]

    def runtime(self, name: str = "hello_agent", **more: Any) -> str:
        """The ARN of a new runtime that is READY."""
        made = create(self.clients, name=name, **more)
        return str(settled(self.clients, made["agentRuntimeId"])["agentRuntimeArn"])

    def talk(self, arn: str, count: int = 1) -> list[str]:
        """Sessions that have answered one call each, by id."""
        ids = [str(uuid.uuid4()) for _ in range(count)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda session_id: self.invoke(arn, session_id), ids))
        return ids

    def invoke(self, arn: str, session_id: str, payload: bytes = b'{"prompt": "Hello"}') -> bytes:
        """One answer."""
        answer = self.clients.data.invoke_agent_runtime(
            agentRuntimeArn=arn, runtimeSessionId=session_id, payload=payload
        )
        body: bytes = answer["response"].read()
        return body


async def slow_when_asked(request: web.Request) -> web.StreamResponse:
    """Echo; a payload that says ``wait`` is answered when the file ``go`` is there."""
    payload = await request.read()
    if b"wait" in payload:
        while not Path("go").exists():  # noqa: ASYNC110, ASYNC240 - a test makes it
            await asyncio.sleep(0.05)
    return web.json_response({"result": payload.decode()})


CARD = {
    "name": "reader",
    "description": "Reads a text and says how long it is.",
    "version": "1.2.0",
    "url": "https://reader.example/",
    "capabilities": {"streaming": True, "pushNotifications": False},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [{"id": "read", "name": "Read", "description": "Counts words.", "tags": ["text", "count"]}],
}
TOOLS = [
    {
        "name": "add",
        "description": "Add two numbers.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "a": {"type": "number"},
                "b": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": 2},
                "round": {"type": "boolean", "description": "to a whole number"},
                "words": {"enum": ["none", "few"]},
                "more": {"type": "array", "items": {"type": "number"}},
            },
            "required": ["a"],
        },
    },
    {"name": "fail", "description": "Always fails.", "inputSchema": {"type": "object", "properties": {}}},
]


async def calculator(request: web.Request) -> web.StreamResponse:
    """An MCP server that keeps sessions and answers in events, as the official one does."""
    call = await request.json()
    session = request.headers.get("Mcp-Session-Id", "")
    if call["method"] == "initialize":
        session = uuid.uuid4().hex
        result: dict[str, Any] = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
    elif call["method"] == "notifications/initialized":
        return web.Response(status=202)
    elif call["method"] == "tools/list":
        first = "cursor" not in call["params"]
        result = {"tools": [TOOLS[0]], "nextCursor": "1"} if first else {"tools": [TOOLS[1]]}
    elif call["params"]["name"] == "fail":
        result = {"content": [{"type": "text", "text": "It failed, as it was asked to."}], "isError": True}
    else:
        arguments = call["params"]["arguments"]
        total = arguments["a"] + arguments.get("b", 0) + sum(arguments.get("more", []))
        result = {"content": [{"type": "text", "text": f"{total:g}"}], "structuredContent": {"result": total}}
    told = {"jsonrpc": "2.0", "id": call["id"], "result": result}
    note = {
        "jsonrpc": "2.0",
        "method": "notifications/message",
        "params": {"level": "info", "data": "working"},
    }
    return web.Response(
        text="".join(f"event: message\ndata: {json.dumps(each)}\n\n" for each in (note, told)),
        content_type="text/event-stream",
        headers={"Mcp-Session-Id": session},
    )


async def card(_request: web.Request) -> web.StreamResponse:
    """An A2A agent's card."""
    return web.json_response(CARD)


MCP_SERVER = HELLO.replace("hello", "calculator")
A2A_AGENT = HELLO.replace("hello", "reader")
SPEAKERS = {
    MCP_SERVER: Script(posts={"/mcp": calculator}),
    A2A_AGENT: Script(gets={"/.well-known/agent-card.json": card}),
}


def open_lab() -> LiveLab:
    """An engine that serves until its kernel ends."""
    stack = ExitStack()
    backend = LivelyBackend()
    backend.add(HELLO, Script(answer=slow_when_asked, log=("agent: ready", "agent: hello")))
    for uri, script in SPEAKERS.items():
        backend.add(uri, script)
    folder = Path(mkdtemp())
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    running: list[RunningEngine] = []

    def start() -> None:
        running.append(stack.enter_context(engine_in_thread(settings, backend, SystemClock())))

    def stop() -> None:
        running.clear()
        stack.close()

    def send(path: str, body: dict[str, Any]) -> Any:
        return running[-1].send(path, body)

    start()
    clients = clients_of(running[-1].url)
    feed = Feed(lambda: running[-1].api() if running else None)
    source = Source(feed, {"data": clients.data, "control": clients.control}, send)
    return LiveLab(running[-1], clients, source, backend, start, stop)
