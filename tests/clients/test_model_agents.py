"""Agents of frameworks with Bedrock model classes as they are, on the scripted model: Strands, LangGraph, OpenAI's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.images.process_builder import ProcessBuilder
from agentcore_lab.sandbox.process_store import ProcessStore
from agentcore_lab.sandbox.process_venv import Environments
from agentcore_lab.settings import Settings
from tests.clients.stage import Deployed, Stage, new_session_id
from tests.programs import ROOT, Program

FOLDERS = ["strands-agent", "langgraph-agent", "openai-agent"]


@pytest.fixture(
    scope="module",
    # The last imports for half a minute in every session, on any processor.
    params=[*FOLDERS[:2], pytest.param(FOLDERS[2], marks=pytest.mark.long)],
)
def agent(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Deployed]:
    """The agent of one framework, READY."""
    with stage.deployed(request.param) as deployed:
        yield deployed


def events_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The server-sent events of an invocation."""
    lines = answer["response"].iter_lines(chunk_size=1)
    return [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]


def test_an_answer_comes_of_a_tool(agent: Deployed) -> None:
    """Without streaming: the model calls the tool, the framework runs it, the model answers from its result."""
    session_id = new_session_id()
    first = agent.ask({"prompt": "What is the weather in Paris?"}, runtimeSessionId=session_id)
    assert first["answer"] == "get_weather answered: It is sunny in Paris."
    second = agent.ask({"prompt": "What is 17 plus 25?"}, runtimeSessionId=session_id)
    assert second["answer"] in {"add answered: 42", "add answered: 42.0"}


def test_an_answer_is_streamed(agent: Deployed) -> None:
    """With streaming: the tool is told of, then the text arrives in pieces."""
    asked = {"prompt": "What is the weather in Paris?", "stream": True}
    answer = agent.invoke(asked, runtimeSessionId=new_session_id())
    assert answer["contentType"].startswith("text/event-stream")
    events = events_of(answer)
    texts = [event["text"] for event in events if "text" in event]
    assert events[0] == {"tool": "get_weather"}
    assert len(texts) > 1
    assert "".join(texts).strip() == "get_weather answered: It is sunny in Paris."


def test_the_conversation_is_the_sessions(agent: Deployed) -> None:
    """What one turn said, streamed or not, the next knows; another session does not."""
    session_id = new_session_id()
    agent.ask({"prompt": "Hello! My name is Ada."}, runtimeSessionId=session_id)
    asked = {"prompt": "What is my name?", "stream": True}
    events = events_of(agent.invoke(asked, runtimeSessionId=session_id))
    assert "".join(event["text"] for event in events).strip() == "Your name is Ada."
    other = agent.ask({"prompt": "What is my name?"}, runtimeSessionId=new_session_id())
    assert other["answer"] == "You have not told me your name."


@pytest.mark.process
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_same_agent_runs_as_a_plain_process(
    engine: RunningEngine, settings: Settings, folder: str
) -> None:
    """In no sandbox, nothing set but the environment that ``agentcore-lab env`` prints."""
    program = (
        "import asyncio, json, agent\n"
        "from types import SimpleNamespace as Context\n"
        "async def ask(stream):\n"
        "    payload = {'prompt': 'What is the weather in Paris?', 'stream': stream}\n"
        "    takes = agent.invoke.__code__.co_argcount\n"
        "    answer = await agent.invoke(*(payload, Context(session_id='one'))[:takes])\n"
        "    return [event async for event in answer] if stream else answer['answer']\n"
        "print(json.dumps([asyncio.run(ask(False)), asyncio.run(ask(True))]))\n"
    )
    done = subprocess.run(
        [str(python_for(settings, folder)), "-c", program],
        env={**Program(settings.data_dir).environment(), **client_environment(engine)},
        cwd=ROOT / "containers" / folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole, pieces = json.loads(done.stdout.splitlines()[-1])
    assert whole == "get_weather answered: It is sunny in Paris."
    assert pieces[0] == {"tool": "get_weather"}
    assert "".join(piece.get("text", "") for piece in pieces).strip() == whole


def python_for(settings: Settings, folder: str) -> Path:
    """The interpreter of an environment with what the agent requires, the one that the process sandbox uses."""
    store = ProcessStore(settings.data_dir / "images")
    cache_dir = Settings.load().cache_dir
    built = ProcessBuilder(store, cache_dir).build(
        ROOT / "containers" / folder, f"plain/{folder}", on_step=lambda _: None
    )
    manifest = store.manifest(built.digest)
    return Environments(cache_dir / "venvs").bin(manifest.python) / "python"
