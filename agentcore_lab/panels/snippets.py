"""The code that does what a panel does: the panel teaches, it does not hide."""

from __future__ import annotations

import json
import shlex
from typing import Any, Literal
from urllib.parse import quote

from agentcore_lab.panels.question import Question
from agentcore_lab.panels.views import RuntimeName

Kind = Literal["boto3", "curl"]

_BOTO3 = """\
{imports}

{comment}# On AWS, leave endpoint_url out: nothing else changes.
data = boto3.client(
    "bedrock-agentcore",
    region_name={region},
    endpoint_url={endpoint},{config}
)
{before}answer = data.invoke_agent_runtime(
    agentRuntimeArn={arn},
    runtimeSessionId={session},
    qualifier={qualifier},{user}
    contentType={content_type},
    accept="application/json, text/event-stream",
    payload={payload},
)
for line in answer["response"].iter_lines(chunk_size=1):
    print(line.decode())
"""
_SIGNED = "# Credentials come from the environment.\n"
_BEARER = "# boto3 has no parameter for a bearer token: the request goes out unsigned, with the header.\n"
_BEAR = """

def bear(params, **_):
    params["headers"]["Authorization"] = f"Bearer {os.environ['TOKEN']}"


data.meta.events.register("before-call.bedrock-agentcore.InvokeAgentRuntime", bear)
"""

# The runtime's bare id with accountId, not its ARN: a path without percent-encoding is one that every curl
# signs as AWS does (7.88 does not encode it a second time, which SigV4 asks for).
_CURL = """\
{before}curl --no-buffer {url} \\
{credentials}\
  --header {content_type} \\
  --header 'Accept: application/json, text/event-stream' \\
  --header {session} \\
{user}\
  --data-binary {payload}
"""
_SIGV4 = """\
  --aws-sigv4 {scope} --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
  ${{AWS_SESSION_TOKEN:+--header "X-Amz-Security-Token: $AWS_SESSION_TOKEN"}} \\
"""
_BEARING = """\
  --header "Authorization: Bearer $TOKEN" \\
"""


def snippet(kind: Kind, question: Question, meta: Any) -> str:
    """The code of one invocation; ``meta`` is the data client's, which knows its region and address.

    A file is named, and a token stands in the variable ``TOKEN``: neither is in the code.

    Raises:
        ValueError: a file cannot go beside a payload that is no JSON object.
    """
    return _boto3(question, meta) if kind == "boto3" else _curl(question, meta)


def _boto3(question: Question, meta: Any) -> str:
    bearer = bool(question.caller.token)
    payload = _payload(question)
    code = _BOTO3.format(
        imports="{imports}",
        comment=_BEARER if bearer else _SIGNED,
        region=json.dumps(meta.region_name),
        endpoint=json.dumps(meta.endpoint_url),
        config="\n    config=Config(signature_version=UNSIGNED)," if bearer else "",
        before=f"{_BEAR}\n" if bearer else "",
        arn=json.dumps(question.runtime_arn),
        session=json.dumps(question.session_id),
        qualifier=json.dumps(question.qualifier),
        user=f"\n    runtimeUserId={question.caller.user_id!r}," if question.caller.user_id else "",
        content_type=json.dumps(question.content_type),
        payload=payload,
    )
    return code.replace("{imports}", _imports(payload, bearer=bearer), 1)


def _imports(payload: str, *, bearer: bool) -> str:
    """What the code uses, as isort orders it."""
    standard = {"base64": "base64." in payload, "json": "json." in payload, "os": bearer}
    lines = [f"import {name}" for name, used in standard.items() if used]
    lines += ["from pathlib import Path"] * ("Path(" in payload)
    others = ["import boto3"]
    if bearer:
        others += ["from botocore import UNSIGNED", "from botocore.config import Config"]
    return "\n".join([*lines, *([""] if lines else []), *others])


def _payload(question: Question) -> str:
    if question.file is None:
        return repr(question.prompt) if question.raw else f'json.dumps({{"prompt": {question.prompt!r}}})'
    read = f"Path({question.file.name!r}).read_bytes()"
    if question.file.whole:
        return read
    media = question.file.media("")
    parts = [f"{name!r}: {value!r}" for name, value in question.document().items() if name != "media"]
    parts.append(
        f'"media": {{"type": {media["type"]!r}, "format": {media["format"]!r}, '
        f'"data": base64.b64encode({read}).decode()}}'
    )
    return f"json.dumps({{{', '.join(parts)}}})"


def _curl(question: Question, meta: Any) -> str:
    runtime = RuntimeName.parse(question.runtime_arn)
    url = (
        f"{meta.endpoint_url.rstrip('/')}/runtimes/{quote(runtime.id, safe='')}/invocations"
        f"?accountId={runtime.account}&qualifier={quote(question.qualifier, safe='')}"
    )
    user = shlex.quote(f"X-Amzn-Bedrock-AgentCore-Runtime-User-Id: {question.caller.user_id}")
    before, payload = _curl_payload(question)
    bearer = bool(question.caller.token)
    return _CURL.format(
        before=("" if bearer else 'eval "$(agentcore-lab env)"\n') + before,
        url=shlex.quote(url),
        credentials=_BEARING
        if bearer
        else _SIGV4.format(scope=shlex.quote(f"aws:amz:{meta.region_name}:bedrock-agentcore")),
        content_type=shlex.quote(f"Content-Type: {question.content_type}"),
        session=shlex.quote(f"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: {question.session_id}"),
        user=f"  --header {user} \\\n" if question.caller.user_id else "",
        payload=payload,
    )


def _curl_payload(question: Question) -> tuple[str, str]:
    """What goes before curl, and what is sent."""
    if question.file is None:
        return "", shlex.quote(question.payload().decode())
    if question.file.whole:
        return "", shlex.quote(f"@{question.file.name}")
    head, tail = question.around()
    name = shlex.quote(question.file.name)
    pieces = f"printf %s {shlex.quote(head)}; base64 < {name} | tr -d '\\n'; printf %s {shlex.quote(tail)}"
    return f"{{ {pieces}; }} |\n", "@-"
