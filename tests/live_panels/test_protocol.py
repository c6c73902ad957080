"""The Protocol panel: an MCP server and an A2A agent explored through boto3."""

from __future__ import annotations

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.panels import ProtocolPanel
from agentcore_lab.panels.calls import Source
from agentcore_lab.panels.feed import Feed
from agentcore_lab.panels.mcp import McpRefused, answer_in
from agentcore_lab.testing import ScriptedBackend
from tests.browser.scripted_live import A2A_AGENT, CARD, MCP_SERVER, SPEAKERS
from tests.conftest import Clients
from tests.runtime.test_invocations import ready


@pytest.fixture
def source(aws: Clients, engine: RunningEngine, backend: ScriptedBackend) -> Source:
    """What panels of an engine are made from that knows an MCP server and an A2A agent."""
    for uri, script in SPEAKERS.items():
        backend.add(uri, script)
    return Source(Feed(engine.api), {"data": aws.data, "control": aws.control}, engine.send)


def test_tools_are_listed_and_called(aws: Clients, source: Source, backend: ScriptedBackend) -> None:
    """All pages of tools; one conversation is one sandbox; a tool that fails says so."""
    arn = ready(aws, MCP_SERVER, protocolConfiguration={"serverProtocol": "MCP"})
    panel = ProtocolPanel(source, arn)
    assert (panel.protocol, panel.tools, len(backend.started)) == ("MCP", None, 0)
    assert [tool["name"] for tool in panel.list_tools()] == ["add", "fail"]
    answered = panel.call_tool("add", {"a": 1, "more": [2, 3]})
    assert answered is not None
    assert answered["structuredContent"] == {"result": 6}
    assert (panel.result["text"], panel.result["failed"]) == ("6", False)
    panel.call_tool("fail", {})
    assert panel.result["failed"]
    assert len(backend.started) == 1
    action = panel.act({"type": "call", "tool": "add", "arguments": {"a": 1}})
    assert action is not None
    assert "mcpSessionId=" in action.code(source)
    compile(action.code(source), "copied", "exec")
    assert "add: Add two numbers." in str(panel)
    panel.close()


def test_a_card_is_read(aws: Clients, source: Source) -> None:
    """GetAgentCard's answer, whole."""
    panel = ProtocolPanel(source, ready(aws, A2A_AGENT, protocolConfiguration={"serverProtocol": "A2A"}))
    assert panel.protocol == "A2A"
    assert panel.read_card() == CARD
    panel.close()


def test_an_agent_that_does_not_speak_mcp_is_told_in_a_sentence(aws: Clients, source: Source) -> None:
    """Nothing is raised: the notice says what was wrong."""
    panel = ProtocolPanel(source, ready(aws))
    assert panel.list_tools() == []
    assert panel.notice["text"].startswith("The server")
    assert panel.busy == ""
    panel.close()


@pytest.mark.parametrize(
    "body", [b"", b"no json", b'data: {"jsonrpc": "2.0", "method": "ping", "id": 1}\n\n', b'{"id": 2}']
)
def test_what_answers_nothing_is_refused(body: bytes) -> None:
    """Neither requests of the server's own nor answers to others count."""
    with pytest.raises(McpRefused, match="did not answer"):
        answer_in(body, 1)
