"""A LangGraph agent with two tools on Bedrock's Converse API, written as for AWS: nothing in it knows where it runs.

Payload: ``{"prompt": "What is 17 plus 25?", "stream": true}``; without ``stream`` neither model nor answer is streamed.
"""

import os

from bedrock_agentcore import BedrockAgentCoreApp
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import AIMessage, AIMessageChunk, SystemMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

MODEL = os.environ.get("MODEL", "us.anthropic.claude-sonnet-4-20250514-v1:0")
SYSTEM = SystemMessage("You are a helpful guide.")

app = BedrockAgentCoreApp()


@tool
def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    return f"It is sunny in {city}."


@tool
def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


TOOLS = [get_weather, add]
models = {
    stream: ChatBedrockConverse(model=MODEL, disable_streaming=not stream).bind_tools(TOOLS)
    for stream in (True, False)
}


async def think(state, config):
    """The model's turn."""
    model = models[config["configurable"]["stream"]]
    return {"messages": [await model.ainvoke([SYSTEM, *state["messages"]], config)]}


builder = StateGraph(MessagesState)
builder.add_node("think", think)
builder.add_node("tools", ToolNode(TOOLS))
builder.add_edge(START, "think")
builder.add_conditional_edges("think", tools_condition)
builder.add_edge("tools", "think")
graph = builder.compile(checkpointer=InMemorySaver())


@app.entrypoint
async def invoke(payload, context):
    """The whole answer as JSON, or its pieces as server-sent events."""
    stream = bool(payload.get("stream"))
    asked = {"messages": [("user", payload["prompt"])]}
    config = {"configurable": {"thread_id": context.session_id or "local", "stream": stream}}
    if stream:
        return pieces(asked, config)
    answer = (await graph.ainvoke(asked, config))["messages"][-1]
    return {"answer": text_of(answer), "usage": answer.usage_metadata}


async def pieces(asked, config):
    """Text as the model writes it, and each tool once it is called."""
    async for message, _ in graph.astream(asked, config, stream_mode="messages"):
        if isinstance(message, AIMessage | AIMessageChunk):
            if text := text_of(message):
                yield {"text": text}
            for call in message.tool_calls:
                if call["name"]:
                    yield {"tool": call["name"]}


def text_of(message):
    """The text of a message whose content is a text or a list of blocks."""
    if isinstance(message.content, str):
        return message.content
    return "".join(block.get("text", "") for block in message.content if isinstance(block, dict))


if __name__ == "__main__":
    app.run()
