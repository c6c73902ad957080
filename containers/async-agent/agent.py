"""Answers at once and goes on working: while a task runs, its health says HealthyBusy and the session stays.

``{"task": "report", "seconds": 30}`` starts a task, ``{}`` tells what has become of all of them.
"""

import asyncio

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()

# What this session was asked to do. The tasks themselves are kept too: asyncio forgets a task that nobody holds.
states = {}
running = set()


@app.async_task
async def work(name, seconds):
    """The work. Between its first line and its last the SDK's health check answers HealthyBusy."""
    states[name] = "running"
    try:
        await asyncio.sleep(seconds)
        states[name] = "done"
    finally:
        if states[name] != "done":
            states[name] = "stopped"
    print(f"{name}: {states[name]}", flush=True)


async def work_by_hand(name, seconds):
    """The same for work that is no coroutine function of yours: say when it begins and when it ends."""
    task_id = app.add_async_task(name, {"seconds": seconds})
    states[name] = "running"
    try:
        # In a thread of its own, as a library that blocks would need it.
        await asyncio.to_thread(asyncio.run, asyncio.sleep(seconds))
        states[name] = "done"
    finally:
        app.complete_async_task(task_id)


@app.entrypoint
async def invoke(payload):
    """Start what the payload asks for, and answer without waiting for it."""
    if name := payload.get("task"):
        start = work_by_hand if payload.get("by_hand") else work
        task = asyncio.create_task(start(name, float(payload.get("seconds", 10))))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(0)  # let it begin, so that the answer already tells of it
    return {"tasks": dict(states), "health": app.get_current_ping_status().value}


if __name__ == "__main__":
    app.run()
