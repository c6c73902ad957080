"""An OpenAI Agents SDK agent with two tools on Bedrock through LiteLLM: nothing in it knows where it runs.

Payload: ``{"prompt": "What is 17 plus 25?", "stream": true}``; without ``stream`` neither model nor answer is streamed.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from bedrock_agentcore import BedrockAgentCoreApp

MODEL = os.environ.get("MODEL", "us.anthropic.claude-sonnet-4-20250514-v1:0")
os.environ.setdefault(
    "LITELLM_LOCAL_MODEL_COST_MAP", "True"
)  # else it asks the internet while it is imported
os.environ.setdefault("OPENAI_AGENTS_DISABLE_TRACING", "1")  # it would go to OpenAI

app = BedrockAgentCoreApp()


class Guide:
    """The agent; its imports are heavy, a minute and more on an emulated processor, and so wait for this."""

    def __init__(self):
        from agents import Agent, Runner, SQLiteSession, function_tool
        from agents.extensions.models.litellm_model import LitellmModel

        @function_tool
        def get_weather(city: str) -> str:
            """Get the current weather of a city."""
            return f"It is sunny in {city}."

        @function_tool
        def add(a: float, b: float) -> float:
            """Add two numbers."""
            return a + b

        self.runner = Runner
        self.conversation = SQLiteSession("the conversation is the AgentCore session's")
        self.agent = Agent(
            name="Guide",
            instructions="You are a helpful guide.",
            model=LitellmModel(f"bedrock/converse/{MODEL}"),
            tools=[get_weather, add],
        )


# AgentCore gives an agent two minutes until it must be healthy: it is, and gets ready beside that.
ready = ThreadPoolExecutor(1).submit(Guide)


@app.entrypoint
async def invoke(payload):
    """The whole answer as JSON, or its pieces as server-sent events."""
    guide = await asyncio.wrap_future(ready)
    if payload.get("stream"):
        return pieces(guide, payload["prompt"])
    result = await guide.runner.run(guide.agent, payload["prompt"], session=guide.conversation)
    return {"answer": result.final_output}


async def pieces(guide, prompt):
    """Text as the model writes it, and each tool once it is called."""
    stream = guide.runner.run_streamed(guide.agent, prompt, session=guide.conversation)
    async for event in stream.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            yield {"text": event.data.delta}
        elif event.type == "run_item_stream_event" and event.name == "tool_called":
            yield {"tool": event.item.raw_item.name}


if __name__ == "__main__":
    app.run()
