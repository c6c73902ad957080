"""An agent on Amazon Bedrock AgentCore with nothing but boto3: a role, a zip, a runtime, two questions, an end.

The same on AWS and on this machine. On AWS credentials and a region come from the environment; so they do here::

    eval "$(agentcore-lab env)"
    python plain_boto3.py

Needs boto3, and uv to install packages for ARM64. ``AGENT_RUNTIME`` may name another of AWS's language runtimes.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import uuid
import zipfile
from pathlib import Path

import boto3

AGENT = """\
import platform

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
questions = 0


@app.entrypoint
def invoke(payload):
    global questions
    questions += 1
    return {"answer": f"Hello {payload['prompt']}.", "question": questions, "machine": platform.machine()}


if __name__ == "__main__":
    app.run()
"""
RUNTIME = os.environ.get("AGENT_RUNTIME", "PYTHON_3_13")
NAME = f"plain_{uuid.uuid4().hex[:8]}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def create_role(iam):
    """The role the agent runs as."""
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(TRUST))
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "bedrock:InvokeModel*", "Resource": "*"}],
    }
    iam.put_role_policy(RoleName=NAME, PolicyName="model", PolicyDocument=json.dumps(policy))
    return role["Role"]["Arn"]


def package(folder: Path) -> Path:
    """The agent and its packages for ARM64 Linux, zipped as AgentCore wants them."""
    content = folder / "package"
    python = RUNTIME.removeprefix("PYTHON_").replace("_", ".")
    command = ["uv", "pip", "install", "--quiet", "--target", str(content), "bedrock-agentcore"]
    command += [
        "--python-platform",
        "aarch64-manylinux2014",
        "--python-version",
        python,
        "--only-binary",
        ":all:",
    ]
    subprocess.run(command, check=True)
    (content / "main.py").write_text(AGENT)
    target = folder / "deployment.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(content.rglob("*")):
            archive.write(path, path.relative_to(content))
    return target


def wait_until_ready(control, runtime_id):
    """Creating takes seconds; a zip that cannot run says why."""
    while (runtime := control.get_agent_runtime(agentRuntimeId=runtime_id))["status"] == "CREATING":
        time.sleep(1)
    if runtime["status"] != "READY":
        raise SystemExit(f"{runtime['status']}: {runtime.get('failureReason')}")


def main():
    session = boto3.Session()
    account, region = session.client("sts").get_caller_identity()["Account"], session.region_name
    iam, s3 = session.client("iam"), session.client("s3")
    control, data = session.client("bedrock-agentcore-control"), session.client("bedrock-agentcore")
    bucket, key = f"agents-{account}-{region}-{NAME.replace('_', '-')}", "deployment.zip"

    role = create_role(iam)
    print(f"role      {role}")
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **where)
    with tempfile.TemporaryDirectory() as folder:
        s3.upload_file(str(package(Path(folder))), bucket, key)
    print(f"code      s3://{bucket}/{key}")

    runtime = control.create_agent_runtime(
        agentRuntimeName=NAME,
        agentRuntimeArtifact={
            "codeConfiguration": {
                "code": {"s3": {"bucket": bucket, "prefix": key}},
                "runtime": RUNTIME,
                "entryPoint": ["main.py"],
            }
        },
        roleArn=role,
        networkConfiguration={"networkMode": "PUBLIC"},
    )
    runtime_id, arn = runtime["agentRuntimeId"], runtime["agentRuntimeArn"]
    try:
        wait_until_ready(control, runtime_id)
        print(f"runtime   {arn}")
        session_id = str(uuid.uuid4())
        for name in ("Ada", "Grace"):
            answer = data.invoke_agent_runtime(
                agentRuntimeArn=arn,
                runtimeSessionId=session_id,
                payload=json.dumps({"prompt": name}).encode(),
            )
            print(f"answer    {json.load(answer['response'])}")
        data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session_id)
    finally:
        control.delete_agent_runtime(agentRuntimeId=runtime_id)
        s3.delete_object(Bucket=bucket, Key=key)
        s3.delete_bucket(Bucket=bucket)
        iam.delete_role_policy(RoleName=NAME, PolicyName="model")
        iam.delete_role(RoleName=NAME)
    print("deleted   the runtime, the bucket and the role")


if __name__ == "__main__":
    main()
