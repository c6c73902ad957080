"""``%%agent``: a cell becomes files, an image, a runtime that is READY."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentcore_lab.testing import Script
from tests.conftest import Clients
from tests.magics.conftest import Notebook, ScriptedBuilder

AGENT = "%%agent hello\nprint('an agent')\n"


def test_a_cell_becomes_a_runtime_that_is_ready(notebook: Notebook, aws: Clients) -> None:
    """One cell, and the runtime can be invoked; its folder is an agent as anyone would write it."""
    agent = notebook.value(AGENT)
    assert repr(agent) == "Agent(hello: READY, version 1, endpoint DEFAULT)"
    runtime = aws.control.get_agent_runtime(agentRuntimeId=agent.runtime_id)
    assert (runtime["status"], runtime["agentRuntimeVersion"]) == ("READY", "1")
    folder = Path("agents/hello")
    assert (folder / "agent.py").read_text() == "print('an agent')\n"
    assert "bedrock-agentcore" in (folder / "requirements.txt").read_text()
    assert 'CMD ["python", "-m", "agent"]' in (folder / "Dockerfile").read_text()


def test_the_same_cell_again_changes_nothing(notebook: Notebook) -> None:
    """Run All makes no new version of what has not changed; a changed cell, or its options, does."""
    assert notebook.value(AGENT).changed
    again = notebook.value(AGENT)
    assert (again.version, again.changed) == ("1", False)
    changed = notebook.value(AGENT.replace("an agent", "another"))
    assert (changed.version, changed.changed) == ("2", True)
    assert notebook.value(f"{AGENT.replace('hello', 'hello --env MODE=x')}").version == "3"


def test_options_reach_the_runtime(notebook: Notebook, aws: Clients) -> None:
    """Protocol, environment and packages are where AWS and pip look for them."""
    agent = notebook.value(
        '%%agent tools --protocol mcp --env A=1 --env "B=two words" --requirements "requests,pyyaml>=6"\nx = 1\n'
    )
    runtime = aws.control.get_agent_runtime(agentRuntimeId=agent.runtime_id)
    assert runtime["protocolConfiguration"] == {"serverProtocol": "MCP"}
    assert runtime["environmentVariables"] == {"A": "1", "B": "two words"}
    packages = Path("agents/tools/requirements.txt").read_text().splitlines()[1:]
    assert [line.split(">")[0] for line in packages] == ["bedrock-agentcore", "mcp", "requests", "pyyaml"]
    assert "EXPOSE 8000" in Path("agents/tools/Dockerfile").read_text()


def test_an_endpoint_is_made_and_moved(notebook: Notebook, aws: Clients) -> None:
    """--endpoint points at the version the cell made, and the cell ends when it serves that."""
    source = AGENT.replace("hello", "hello --endpoint prod")
    agent = notebook.value(source)

    def live() -> str:
        found = aws.control.get_agent_runtime_endpoint(agentRuntimeId=agent.runtime_id, endpointName="prod")
        return str(found["liveVersion"])

    assert live() == "1"
    notebook.value(AGENT.replace("an agent", "a second"))
    assert live() == "1"
    assert notebook.value(source).version == "3"
    assert live() == "3"


def test_no_run_leaves_the_runtime_alone(notebook: Notebook, aws: Clients) -> None:
    """Files and image only."""
    image = notebook.value(AGENT.replace("hello", "hello --no-run"))
    assert repr(image).startswith("Built(hello:")
    assert aws.control.list_agent_runtimes()["agentRuntimes"] == []


def test_a_file_that_is_the_learners_is_kept(notebook: Notebook) -> None:
    """Without the first line that %%agent writes, a Dockerfile or requirements.txt is nobody else's."""
    notebook.value(AGENT)
    own = Path("agents/hello/requirements.txt")
    own.write_text("strands-agents\n")
    notebook.value(AGENT)
    assert own.read_text() == "strands-agents\n"
    assert "is yours: add the packages there" in notebook.refused(
        AGENT.replace("hello", "hello --requirements x")
    )


def test_an_agent_that_does_not_start_says_why(notebook: Notebook, builder: ScriptedBuilder) -> None:
    """AWS's reason and the agent's last words, and the mended cell goes on from there."""
    good = builder.script
    builder.script = Script(exits=1, log=("ModuleNotFoundError: No module named 'strands'",))
    told = notebook.refused(AGENT)
    assert "Agent hello is CREATE_FAILED: " in told
    assert "No module named 'strands'" in told
    builder.script = good
    assert notebook.value(AGENT.replace("an agent", "mended")).version == "2"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%agent my-agent\nx = 1", "'my-agent' is no name for an agent runtime: AWS wants a letter first"),
        ("%%agent hello\nx ==", "Line 1 of the agent is no Python: invalid syntax."),
        ("%%agent\nx = 1", "%%agent: the following arguments are required: NAME. Write `%%agent "),
        ("%%agent hello --protocol SOAP\nx = 1", "invalid choice: 'SOAP'"),
        ("%%agent hello --env NOVALUE\nx = 1", "--env NOVALUE: write KEY=VALUE."),
        ('%%agent hello --requirements "a\nx = 1', "%%agent: no closing quotation."),
        ("%%agent hello --what\nx = 1", "unrecognized arguments: --what"),
    ],
)
def test_bad_input_is_one_sentence(notebook: Notebook, cell: str, words: str) -> None:
    """No traceback, no half-made agent."""
    told = notebook.refused(cell)
    assert told.startswith("\x1b[1;31mBadInput\x1b[0m: ")
    assert words in told
    assert not Path("agents").exists()


def test_the_calls_it_made_are_shown_as_code(notebook: Notebook) -> None:
    """Folded as a rule; --show prints code that makes the same calls again."""
    (hint,) = [each for each in notebook.run(AGENT).displayed if "boto3" in each.data["text/plain"]]
    assert hint.data["text/plain"].startswith(
        "boto3: control.list_agent_runtimes, control.create_agent_runtime,"
    )
    assert "<details" in hint.data["text/html"]
    shown = notebook.run(AGENT.replace("hello", "again --show")).printed
    code = shown[shown.index("import boto3") : shown.index("Out[")]
    compile(code, "shown", "exec")
    assert "agentRuntimeName='again'," in shown
    assert shown.count("control.get_agent_runtime(") == 1
