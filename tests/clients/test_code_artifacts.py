"""Runtimes of zips on every sandbox: the same zip, for ARM64 Linux, uploaded and deployed with plain boto3."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import uv

from agentcore_lab.accounts.handed_out import client_session
from agentcore_lab.testing.code import zipped
from tests.clients.stage import Stage, new_session_id
from tests.runtime.test_control_plane import ROLE

OWN = f"PYTHON_{sys.version_info.major}_{sys.version_info.minor}"
PYTHON_AGENT = """\
import json, os, platform, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from markupsafe import _speedups, escape

import answers


class Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.respond({"status": "Healthy"})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.respond({
            "answer": str(escape(answers.hello(asked["prompt"]))),
            "folder": os.getcwd().endswith("/var/task"),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "compiled": bool(answers.__cached__ and os.path.exists(answers.__cached__)),
        })

    def respond(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", 8080), Agent).serve_forever()
"""
NODE_AGENT = """\
const http = require("http");
const { hello } = require("greeting");

http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    response.setHeader("Content-Type", "application/json");
    const answer = request.url === "/ping" ? { status: "Healthy" }
      : { answer: hello(JSON.parse(body).prompt), node: process.version, machine: process.arch, folder: process.cwd() };
    response.end(JSON.stringify(answer));
  });
}).listen(8080, "0.0.0.0");
"""


@pytest.fixture(scope="session")
def python_zip(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes the zip of an agent in a folder, with a package that has binaries, for a version of Python."""

    def made(version: str) -> bytes:
        folder = tmp_path_factory.mktemp("package")
        command = [
            uv.find_uv_bin(),
            "pip",
            "install",
            "--quiet",
            "--target",
            str(folder),
            "markupsafe==3.0.3",
        ]
        command += ["--python-platform", "aarch64-manylinux2014", "--python-version", version]
        subprocess.run([*command, "--only-binary", ":all:"], check=True)
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        own = {
            "src/main.py": PYTHON_AGENT,
            "src/answers.py": "def hello(name):\n    return f'Hello <{name}>'\n",
        }
        return zipped({**files, **own})

    return made


@contextmanager
def deployed(stage: Stage, package: bytes, runtime: str, entry_point: str) -> Iterator[dict[str, Any]]:
    """A runtime of this zip, once it has settled; it and its bucket go at the end of the block."""
    s3 = client_session(stage.engine).client("s3", endpoint_url=stage.engine.url)
    bucket = f"agents-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stage.engine.region})
    s3.put_object(Bucket=bucket, Key="agent.zip", Body=package)
    control = stage.aws.control
    created = control.create_agent_runtime(
        agentRuntimeName=f"zipped_{uuid.uuid4().hex[:8]}",
        agentRuntimeArtifact={
            "codeConfiguration": {
                "code": {"s3": {"bucket": bucket, "prefix": "agent.zip"}},
                "runtime": runtime,
                "entryPoint": [entry_point],
            }
        },
        roleArn=ROLE,
        networkConfiguration={"networkMode": "PUBLIC"},
    )
    s3.delete_object(Bucket=bucket, Key="agent.zip")
    s3.delete_bucket(Bucket=bucket)
    try:
        until = time.monotonic() + 240
        while (found := control.get_agent_runtime(agentRuntimeId=created["agentRuntimeId"]))[
            "status"
        ] == "CREATING":
            assert time.monotonic() < until
            time.sleep(0.1)
        yield found
    finally:
        control.delete_agent_runtime(agentRuntimeId=created["agentRuntimeId"])


def ask(stage: Stage, runtime: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    """An answer of a runtime that is READY."""
    assert runtime["status"] == "READY", runtime.get("failureReason")
    answer = stage.aws.data.invoke_agent_runtime(
        agentRuntimeArn=runtime["agentRuntimeArn"],
        runtimeSessionId=new_session_id(),
        payload=json.dumps({"prompt": prompt}).encode(),
    )
    told: dict[str, Any] = json.load(answer["response"])
    return told


def test_a_python_zip_runs(stage: Stage, python_zip: Any) -> None:
    """Code in a folder, packages with binaries beside it, no image anywhere; S3 is needed no more once it is made."""
    runtime = "PYTHON_3_13" if stage.engine.sandbox == "docker" else OWN
    version = runtime.removeprefix("PYTHON_").replace("_", ".")
    with deployed(stage, python_zip(version), runtime, "src/main.py") as made:
        told = ask(stage, made, "Ada")
    assert told["answer"] == "Hello &lt;Ada&gt;"
    assert told["python"].startswith(f"{version}.")
    assert told["folder"]
    if stage.engine.sandbox == "docker":
        assert told["machine"] == "aarch64"
        assert told["compiled"], "modules are compiled on the host, not in every session"


def test_a_zip_for_another_machine_is_refused(stage: Stage) -> None:
    """On every sandbox alike, whatever this machine is: AgentCore's is ARM64."""
    binary = b"\x7fELF\x02\x01\x01" + b"\0" * 11 + b"\x3e\0" + b"\0" * 44
    package = zipped({"main.py": "", "fast.so": binary})
    with deployed(stage, package, OWN, "main.py") as made:
        assert made["status"] == "CREATE_FAILED"
        assert made["failureReason"].startswith(
            "Your artifact contains binary files that are incompatible with Linux ARM64."
        )


@pytest.mark.long
def test_other_languages_run_in_containers(stage: Stage, python_zip: Any) -> None:
    """Node.js 22 out of a wheel, Python 3.14 out of Debian's next release."""
    if stage.engine.sandbox != "docker":
        package = zipped({"app.js": NODE_AGENT})
        with deployed(stage, package, "NODE_22", "app.js") as made:
            assert made["status"] == "CREATE_FAILED"
            assert "the process sandbox runs Python alone" in made["failureReason"]
        return
    greeting = {"node_modules/greeting/index.js": "exports.hello = (name) => `Hello ${name}`;"}
    with deployed(stage, zipped({"app.js": NODE_AGENT, **greeting}), "NODE_22", "app.js") as made:
        told = ask(stage, made, "Ada")
    assert (told["answer"], told["machine"], told["folder"]) == ("Hello Ada", "arm64", "/var/task")
    assert told["node"].startswith("v22.")
    for version in ("3.11", "3.14"):
        name = f"PYTHON_{version.replace('.', '_')}"
        with deployed(stage, python_zip(version), name, "src/main.py") as made:
            told = ask(stage, made, "Ada")
        assert told["answer"] == "Hello &lt;Ada&gt;"
        assert told["python"].startswith(f"{version}.")
        assert told["compiled"]


@pytest.mark.long
def test_a_language_without_a_base_says_what_is_missing(stage: Stage, python_zip: Any) -> None:
    """Neither Debian nor, without a network, a registry has Python 3.10."""
    with deployed(stage, python_zip("3.10"), "PYTHON_3_10", "src/main.py") as made:
        if made["status"] == "CREATE_FAILED":  # where there is a registry, it runs
            assert "3.10" in made["failureReason"]
            assert "PYTHON_3_10" in made["failureReason"]
        else:
            assert ask(stage, made, "Ada")["python"].startswith("3.10.")
