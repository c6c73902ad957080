"""The proof that an agent answers: one build, one runtime, one invocation, and nothing left of it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from agentcore_lab.cli.progress import build_with_progress
from agentcore_lab.clock import stopwatch
from agentcore_lab.lab import Lab
from agentcore_lab.settings import Settings


@dataclass(frozen=True, slots=True)
class Proof:
    """What answered, where, and how long the first invocation took in milliseconds, the sandbox's start included."""

    runtime: str
    version: str
    architecture: str
    sandbox: str
    milliseconds: float

    def __str__(self) -> str:
        return (
            f"An agent answered: runtime {self.runtime} · version {self.version} · {self.architecture} · "
            f"{self.sandbox} · {self.milliseconds:.0f} ms"
        )


def prove(lab: Lab, folder: Path, settings: Settings, console: Console) -> Proof:
    """Deploy the agent in ``folder`` and have it answer. Raises BuildError, TimeoutError, botocore's ClientError."""
    image = build_with_progress(folder, lab.sandbox, settings, console)
    name = f"proof_{secrets.token_hex(4)}"
    created = lab.control.create_agent_runtime(
        agentRuntimeName=name,
        agentRuntimeArtifact={"containerConfiguration": {"containerUri": image.uri}},
        roleArn=lab.role_arn,
        networkConfiguration={"networkMode": "PUBLIC"},
    )
    with console.status("Waiting until the image has proved healthy …"):
        lab.wait_until_settled(created["agentRuntimeId"])
    try:
        return _invoke(lab, name, created["agentRuntimeArn"], console)
    finally:
        lab.control.delete_agent_runtime(agentRuntimeId=created["agentRuntimeId"])


def _invoke(lab: Lab, name: str, arn: str, console: Console) -> Proof:
    with console.status("Starting a session …"):
        began = stopwatch()
        answer = lab.data.invoke_agent_runtime(agentRuntimeArn=arn, payload=json.dumps({"prompt": "lab"}))
        body: dict[str, Any] = json.load(answer["response"])
        milliseconds = (stopwatch() - began) * 1000
    facts = answer["ResponseMetadata"]["HTTPHeaders"]
    return Proof(
        name,
        facts["x-agentcore-lab-version"],
        body["architecture"],
        facts["x-agentcore-lab-sandbox"],
        milliseconds,
    )
