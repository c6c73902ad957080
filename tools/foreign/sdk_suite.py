"""The bedrock-agentcore SDK's own integration tests of runtimes, policies and identity, against a real engine.

AWS's engineers run them against AWS. The code artifact that they deploy is uploaded here, into the S3 beside the
engine. One thing is put in their place: they ask for PYTHON_3_12, for which not every machine has a base, and get a
language that this one has. Everything else of each request goes out as the SDK made it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import botocore.handlers
import pytest

from agentcore_lab.launch import find_or_start, stop
from agentcore_lab.settings import Settings
from agentcore_lab.testing.code import zipped
from tools.foreign.clients import lead_clients_to

TESTS = (
    "tests_integ/runtime/test_runtime_passthrough.py",
    "tests_integ/services/test_resource_policy.py",
    "tests_integ/identity/test_identity_client.py",
)

_BUCKET, _KEY = "sdk-tests", "agent.zip"
_OWN = f"PYTHON_{sys.version_info.major}_{sys.version_info.minor}"
_AGENT = """\
from http.server import BaseHTTPRequestHandler, HTTPServer


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


HTTPServer(("0.0.0.0", 8080), Healthy).serve_forever()
"""
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
            lead_clients_to(engine, patch)
            language = "PYTHON_3_13" if engine.sandbox == "docker" else _OWN
            for name, value in _what_tests_ask_for(settings, language).items():
                patch.setenv(name, value)
            patch.setattr(botocore.handlers, "BUILTIN_HANDLERS", _handlers(language))
            yield Markers()
        finally:
            stop(engine)


def _what_tests_ask_for(settings: Settings, language: str) -> dict[str, str]:
    """The variables the test files name at their top; the policies hang on a runtime made here."""
    role = f"arn:aws:iam::{settings.account_id}:role/SdkTests"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": settings.region})
    s3.put_object(Bucket=_BUCKET, Key=_KEY, Body=zipped({"agent.py": _AGENT}))
    runtime = boto3.client("bedrock-agentcore-control").create_agent_runtime(
        agentRuntimeName="has_policies",
        agentRuntimeArtifact={
            "codeConfiguration": {
                "code": {"s3": {"bucket": _BUCKET, "prefix": _KEY}},
                "runtime": language,
                "entryPoint": ["agent.py"],
            }
        },
        roleArn=role,
        networkConfiguration={"networkMode": "PUBLIC"},
    )
    return {
        "BEDROCK_TEST_REGION": settings.region,
        "RUNTIME_ROLE_ARN": role,
        "RUNTIME_S3_CODE_URI": f"s3://{_BUCKET}/{_KEY}",
        "RESOURCE_POLICY_TEST_ARN": runtime["agentRuntimeArn"],
        "RESOURCE_POLICY_TEST_PRINCIPAL": role,
        # The provider that is made of these is never asked for a token.
        "COGNITO_POOL_ID": f"{settings.region}_SdkTests",
        "COGNITO_CLIENT_ID": "sdk-tests",
        "COGNITO_CLIENT_SECRET": "sdk-tests-secret",
    }


def _handlers(language: str) -> list[Any]:
    """botocore's own, and one that names ``language`` where a caller named another."""

    def exchange(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        code = {**params["agentRuntimeArtifact"]["codeConfiguration"], "runtime": language}
        return {**params, "agentRuntimeArtifact": {"codeConfiguration": code}}

    event = "provide-client-params.bedrock-agentcore-control"
    return [*botocore.handlers.BUILTIN_HANDLERS, *((f"{event}.{name}", exchange) for name in _WITH_ARTIFACT)]
