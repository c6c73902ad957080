"""An agent that hires other agents: it calls each runtime it is given, all at once, and gathers their answers.

Payload: ``{"agents": ["arn:aws:bedrock-agentcore:…", …], "prompt": "Ada"}``. With ``HARD_CODED=1`` in its environment
it names AWS's endpoint, as much of the material about AgentCore does; otherwise it leaves that to boto3.
"""

import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
from bedrock_agentcore import BedrockAgentCoreApp
from botocore.config import Config
from botocore.exceptions import ClientError

app = BedrockAgentCoreApp()

# No endpoint, no region, no keys: the platform's environment and the runtime's role tell boto3 all it needs. These
# lines are the same on AWS.
# Patience is the agent's own affair: boto3 gives up after a minute and asks again, where another agent may still think.
patient = Config(read_timeout=900)
runtimes = boto3.client("bedrock-agentcore", config=patient)
if os.environ.get("HARD_CODED"):
    runtimes = boto3.client(
        "bedrock-agentcore",
        endpoint_url=f"https://bedrock-agentcore.{os.environ['AWS_REGION']}.amazonaws.com",
        config=patient,
    )

# Where the agents' conversations go on: the same session of each agent for every call of this session.
sessions = {}


def call(arn, payload):
    """One agent's answer, or in its place what went wrong: one agent that fails does not take the others along."""
    session = sessions.setdefault(arn, str(uuid.uuid4()))
    try:
        answer = runtimes.invoke_agent_runtime(
            agentRuntimeArn=arn, runtimeSessionId=session, contentType="application/json", payload=payload
        )
        body = answer["response"].read()
    except ClientError as error:
        return {"agent": arn, "error": error.response["Error"]["Code"], "message": str(error)}
    return {"agent": arn, "session": session, "answer": json.loads(body)}


@app.entrypoint
def invoke(payload):
    """Ask every agent the same at the same time, and return the answers in the order of the agents."""
    question = json.dumps({"prompt": payload.get("prompt", "")}).encode()
    agents = payload.get("agents") or []
    with ThreadPoolExecutor(max_workers=max(len(agents), 1)) as pool:
        return {"answers": list(pool.map(lambda arn: call(arn, question), agents))}


if __name__ == "__main__":
    app.run()
