"""A conversation on one connection: returns each message, text or bytes, and counts them.

Three texts are orders: ``count N`` sends N numbers without being asked again, ``close CODE`` closes the connection with
that code, ``fail`` breaks the agent in the middle of the conversation.
"""

import asyncio

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.websocket
async def converse(websocket, context):
    """From the handshake to the end; a client that goes ends the loop, and is not an error."""
    await websocket.accept()
    messages = 0
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        messages += 1
        if (data := message.get("bytes")) is not None:
            await websocket.send_bytes(data)
            continue
        order, _, argument = message["text"].partition(" ")
        if order == "count" and argument.isdecimal():
            for number in range(1, int(argument) + 1):
                await websocket.send_json({"number": number})
                await asyncio.sleep(0)
        elif order == "close" and argument.isdecimal():
            await websocket.close(int(argument), "as you wish")
            return
        elif order == "fail":
            raise RuntimeError("asked to fail")  # the SDK closes with 1011
        else:
            await websocket.send_json(
                {"echo": message["text"], "messages": messages, "session": context.session_id}
            )
    print(f"{context.session_id}: the client left after {messages} messages", flush=True)


@app.entrypoint
def invoke(_payload):
    """Whoever comes by InvokeAgentRuntime is told where to go."""
    return {"answer": "This agent talks over a WebSocket: connect to /ws."}


if __name__ == "__main__":
    app.run()
