"""The bedrock-agentcore SDK's own integration tests of runtimes, policies and identity, against a real engine.

AWS's engineers run them against AWS. One thing is put in their place: the pass-through tests create runtimes from a
code artifact in S3, which the engine does not run yet, so the artifact of every Create and Update is exchanged for a
container image that the sandbox really starts. Everything else of each request goes out as the SDK made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import botocore.handlers
import pytest

from agentcore_lab.images.build import image_uri
from agentcore_lab.images.choose import builder_for
from agentcore_lab.launch import find_or_start, stop
from agentcore_lab.settings import Settings
from tools.foreign.clients import lead_clients_to

TESTS = (
    "tests_integ/runtime/test_runtime_passthrough.py",
    "tests_integ/services/test_resource_policy.py",
    "tests_integ/identity/test_identity_client.py",
)

_AGENT = Path(__file__).parents[2] / "containers" / "hello-agent"
_WITH_ARTIFACT = ("CreateAgentRuntime", "UpdateAgentRuntime")


class Markers:
    """The pytest plugin: the markers of the SDK, and of pytest-order, whose order is that of the files anyway."""

    def pytest_configure(self, config: pytest.Config) -> None:
        """Name the markers, so that pytest does not warn of each."""
        for marker in ("order(n): position", "integration: talks to AWS"):
            config.addinivalue_line("markers", marker)


@contextmanager
def plugin(sandbox: str) -> Iterator[Markers]:
    """The plugin, with an engine that runs and is what AWS clients reach until the end of the block."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        settings = Settings.load(data_dir=Path(folder), sandbox=sandbox)
        engine = find_or_start(settings)
        try:
            image = image_uri("sdk-tests-agent", settings)
            builder_for(engine.sandbox, settings).build(_AGENT, image, on_step=lambda _: None)
            lead_clients_to(engine, patch)
            for name, value in _what_tests_ask_for(settings, image).items():
                patch.setenv(name, value)
            patch.setattr(botocore.handlers, "BUILTIN_HANDLERS", _handlers(image))
            yield Markers()
        finally:
            stop(engine)


def _what_tests_ask_for(settings: Settings, image: str) -> dict[str, str]:
    """The variables the test files name at their top; the policies hang on a runtime made here."""
    role = f"arn:aws:iam::{settings.account_id}:role/SdkTests"
    runtime = boto3.client("bedrock-agentcore-control").create_agent_runtime(
        agentRuntimeName="has_policies",
        agentRuntimeArtifact={"containerConfiguration": {"containerUri": image}},
        roleArn=role,
        networkConfiguration={"networkMode": "PUBLIC"},
    )
    return {
        "BEDROCK_TEST_REGION": settings.region,
        "RUNTIME_ROLE_ARN": role,
        "RUNTIME_S3_CODE_URI": "s3://exchanged-for-a-container/agent.zip",
        "RESOURCE_POLICY_TEST_ARN": runtime["agentRuntimeArn"],
        "RESOURCE_POLICY_TEST_PRINCIPAL": role,
        # The provider that is made of these is never asked for a token.
        "COGNITO_POOL_ID": f"{settings.region}_SdkTests",
        "COGNITO_CLIENT_ID": "sdk-tests",
        "COGNITO_CLIENT_SECRET": "sdk-tests-secret",
    }


def _handlers(image: str) -> list[Any]:
    """botocore's own, and one that names ``image`` where a caller named a code artifact."""

    def exchange(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": image}}}

    event = "provide-client-params.bedrock-agentcore-control"
    return [*botocore.handlers.BUILTIN_HANDLERS, *((f"{event}.{name}", exchange) for name in _WITH_ARTIFACT)]
