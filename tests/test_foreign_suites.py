"""tools.foreign: what it calls passed, disagreed, not answered and unexpected."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.foreign.disagreements import MOTO, SDK

ROOT = Path(__file__).parents[1]
HEAD = """
import boto3
from moto import mock_aws

control = lambda: boto3.client("bedrock-agentcore-control", region_name="us-east-1")
what = dict(
    agentRuntimeName="my_runtime",
    agentRuntimeArtifact={"containerConfiguration": {"containerUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x"}},
    roleArn="arn:aws:iam::123456789012:role/X",
    networkConfiguration={"networkMode": "PUBLIC"},
)
"""
LISTED = """
@mock_aws
def test_create_agent_runtime():
    arn = control().create_agent_runtime(**what)["agentRuntimeArn"]
    assert "arn:aws:bedrock-agentcore:us-east-1:123456789012:agent/" in arn

@mock_aws
def test_list_agent_runtime_endpoints():
    made = control().create_agent_runtime(**what)
    assert control().list_agent_runtime_endpoints(agentRuntimeId=made["agentRuntimeId"])["runtimeEndpoints"] == []

@mock_aws
def test_create_agent_runtime_with_optional_fields():
    control().create_agent_runtime(**what, protocolConfiguration={"serverProtocol": "HTTP_2"})

test_update_agent_runtime_with_optional_fields = test_create_agent_runtime_with_optional_fields
"""
GOOD = """
@mock_aws
def test_each_test_has_an_engine_that_settles_at_once():
    made = control().create_agent_runtime(**what)
    assert control().get_agent_runtime(agentRuntimeId=made["agentRuntimeId"])["status"] == "READY"
    assert len(control().list_agent_runtimes()["agentRuntimes"]) == 1

@mock_aws
def test_of_another_room():
    control().list_memories()
"""


def run(checkout: Path, *tests: str) -> tuple[int, list[str]]:
    """The exit code, and what is printed after pytest's own output."""
    folder = checkout / "tests" / "test_bedrockagentcorecontrol"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_bedrockagentcorecontrol.py").write_text("\n".join([HEAD, *tests]))
    command = [sys.executable, "-m", "tools.foreign", "moto", str(checkout)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    begin = next(number for number, line in enumerate(lines) if "disagreed," in line)
    return done.returncode, lines[begin:]


def test_known_disagreements_and_what_is_not_answered_yet_are_told_and_are_no_failure(tmp_path: Path) -> None:
    """Exit 0 while every failure is one that is listed, or says itself that its operation is not answered."""
    code, told = run(tmp_path, LISTED, GOOD)
    assert (code, told[0]) == (
        0,
        "1 passed, 4 disagreed, 1 need operations that are not answered yet, 0 unexpected",
    )
    assert any("::test_create_agent_runtime: it expects an ARN with agent/" in line for line in told)
    assert any(line.endswith("::test_of_another_room") for line in told)


def test_what_is_unexpected_is_a_failure(tmp_path: Path) -> None:
    """Exit 1, and a line each, for a failure nobody looked into and for a list that is no longer true."""
    new = "import pytest\ndef test_new(): 1 / 0\ndef test_skipped(): pytest.skip('no')"
    mended, otherwise = (
        "def test_create_agent_runtime(): pass",
        "def test_list_agent_runtime_endpoints(): 1 / 0",
    )
    broken = tmp_path / "tests" / "test_bedrockagentcorecontrol" / "test_broken.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("import no_such_module")
    code, told = run(tmp_path, new, mended, otherwise)
    assert code == 1
    assert told[0] == "1 passed, 0 disagreed, 0 need operations that are not answered yet, 7 unexpected"
    said = "\n".join(told[1:])
    assert "::test_new: failed, and is not listed" in said
    assert "::test_skipped: failed, and is not listed" in said
    assert "test_broken.py: failed, and is not listed" in said
    assert "::test_create_agent_runtime: passed, and is listed" in said
    assert "::test_list_agent_runtime_endpoints: failed otherwise than listed" in said
    assert "::test_create_agent_runtime_with_optional_fields: is listed, and did not run" in said


def test_the_page_gives_every_disagreement_with_its_reason() -> None:
    """docs/foreign-suites.md says what the code's table says."""
    page = (ROOT / "docs" / "foreign-suites.md").read_text()
    for name, known in {**MOTO, **SDK}.items():
        row = next(line for line in page.splitlines() if f"`{name.partition('::')[2]}`" in line)
        assert known.reason in row
        assert known.source in row
