"""A Strands agent with two tools on Bedrock's Converse API, written as for AWS: nothing in it knows where it runs.

Payload: ``{"prompt": "What is 17 plus 25?", "stream": true}``; without ``stream`` neither model nor answer is streamed.
"""

import os

from bedrock_agentcore import BedrockAgentCoreApp
from strands import Agent, tool
from strands.models import BedrockModel

MODEL = os.environ.get("MODEL", "us.anthropic.claude-sonnet-4-20250514-v1:0")

app = BedrockAgentCoreApp()


@tool
def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    return f"It is sunny in {city}."


@tool
def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


# AgentCore gives every session a machine of its own: the agent's conversation is the session's.
agent = Agent(
    model=BedrockModel(model_id=MODEL),
    tools=[get_weather, add],
    system_prompt="You are a helpful guide.",
    callback_handler=None,
)


@app.entrypoint
async def invoke(payload):
    """The whole answer as JSON, or its pieces as server-sent events."""
    stream = bool(payload.get("stream"))
    agent.model.update_config(streaming=stream)
    if stream:
        return pieces(payload["prompt"])
    result = await agent.invoke_async(payload["prompt"])
    return {"answer": str(result).strip(), "usage": dict(result.metrics.accumulated_usage)}


async def pieces(prompt):
    """Text as the model writes it, and each tool once it is called."""
    called = set()
    async for event in agent.stream_async(prompt):
        if "data" in event:
            yield {"text": event["data"]}
        elif (call := event.get("current_tool_use")) and call["toolUseId"] not in called:
            called.add(call["toolUseId"])
            yield {"tool": call["name"]}


if __name__ == "__main__":
    app.run()
