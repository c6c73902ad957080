"""The code that does what a panel does: the panel teaches, it does not hide."""

from __future__ import annotations

import json
import shlex
from typing import Any, Literal
from urllib.parse import quote

from agentcore_lab.panels.invocation import Question
from agentcore_lab.panels.views import RuntimeName

Kind = Literal["boto3", "curl"]

_BOTO3 = """\
{imports}

# Credentials come from the environment.
# On AWS, leave endpoint_url out: nothing else changes.
data = boto3.client(
    "bedrock-agentcore",
    region_name={region},
    endpoint_url={endpoint},
)
answer = data.invoke_agent_runtime(
    agentRuntimeArn={arn},
    runtimeSessionId={session},
    qualifier={qualifier},
    contentType="application/json",
    accept="application/json, text/event-stream",
    payload={payload},
)
for line in answer["response"].iter_lines(chunk_size=1):
    print(line.decode())
"""

# The runtime's bare id with accountId, not its ARN: a path without percent-encoding is one that every curl
# signs as AWS does (7.88 does not encode it a second time, which SigV4 asks for).
_CURL = """\
eval "$(agentcore-lab env)"
curl --no-buffer {url} \\
  --aws-sigv4 {scope} --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
  --header 'Content-Type: application/json' \\
  --header 'Accept: application/json, text/event-stream' \\
  --header {session} \\
  --data-binary {payload}
"""


def snippet(kind: Kind, question: Question, meta: Any) -> str:
    """The code of one invocation; ``meta`` is the data client's, which knows its region and address."""
    return _boto3(question, meta) if kind == "boto3" else _curl(question, meta)


def _boto3(question: Question, meta: Any) -> str:
    document = f'json.dumps({{"prompt": {question.prompt!r}}})'
    return _BOTO3.format(
        imports="import boto3" if question.raw else "import json\n\nimport boto3",
        region=json.dumps(meta.region_name),
        endpoint=json.dumps(meta.endpoint_url),
        arn=json.dumps(question.runtime_arn),
        session=json.dumps(question.session_id),
        qualifier=json.dumps(question.qualifier),
        payload=repr(question.prompt) if question.raw else document,
    )


def _curl(question: Question, meta: Any) -> str:
    runtime = RuntimeName.parse(question.runtime_arn)
    url = (
        f"{meta.endpoint_url.rstrip('/')}/runtimes/{quote(runtime.id, safe='')}/invocations"
        f"?accountId={runtime.account}&qualifier={quote(question.qualifier, safe='')}"
    )
    return _CURL.format(
        url=shlex.quote(url),
        scope=shlex.quote(f"aws:amz:{meta.region_name}:bedrock-agentcore"),
        session=shlex.quote(f"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: {question.session_id}"),
        payload=shlex.quote(question.payload().decode()),
    )
