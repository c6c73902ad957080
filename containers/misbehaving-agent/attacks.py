"""What an agent might do to others: each takes the agent that answers and what was asked of it."""

import json
import os
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

MIB = 1024 * 1024


def reach(agent, asked):
    """Which of some addresses, ``host:port``, let it in."""
    found = {}
    for target in asked["targets"]:
        host, _, port = target.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
            found[target] = "open"
        except OSError as error:
            found[target] = type(error).__name__
    agent.answer(body=json.dumps(found).encode())


def fetch(agent, asked):
    """What a URL answers: its status and the beginning of what it says."""
    try:
        with urllib.request.urlopen(asked["url"], timeout=10) as response:  # noqa: S310 - the payload names it
            status, text = response.status, response.read(1000)
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read(1000)
    agent.answer(body=json.dumps({"status": status, "text": text.decode("latin-1")}).encode())


def look(agent, asked):
    """What is at some paths: the names in a folder, the size of a file, or why not."""
    found = {}
    for name in asked["paths"]:
        path = Path(name)
        try:
            found[name] = (
                sorted(each.name for each in path.iterdir()) if path.is_dir() else path.stat().st_size
            )
        except OSError as error:
            found[name] = type(error).__name__
    agent.answer(body=json.dumps(found).encode())


def whoami(agent, _asked):
    """Its user, and what /proc says of its capabilities and of what it may yet gain."""
    lines = Path("/proc/self/status").read_text().splitlines()
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    told = {"uid": os.getuid(), "capabilities": facts["CapBnd"], "no_new_privileges": facts["NoNewPrivs"]}
    agent.answer(body=json.dumps(told).encode())


def fork_bomb(agent, asked):
    """Processes that make processes, for as many seconds as asked; then how it went."""
    until = time.monotonic() + float(asked.get("seconds", 10))
    ours, failures = os.getpid(), 0
    while time.monotonic() < until:
        try:
            os.fork()
        except OSError:
            failures += 1
            time.sleep(0.05)
    if os.getpid() != ours:
        os._exit(0)
    agent.answer(body=json.dumps({"failures": failures}).encode())


def memory_bomb(_agent, _asked):
    """All the memory there is."""
    held = []
    while True:
        held.append(b"x" * (16 * MIB))


def fill_disk(agent, asked):
    """A file that grows until it may not or is as large as asked; it stays for as many seconds as asked."""
    written = 0
    try:
        with Path(asked["path"]).open("wb", buffering=0) as file:
            while written < int(asked.get("bytes", 1024**4)):
                written += file.write(b"x" * MIB)
        time.sleep(float(asked.get("wait", 0)))
    except OSError as error:
        agent.answer(body=json.dumps({"written": written, "error": str(error)}).encode())
    else:
        agent.answer(body=json.dumps({"written": written}).encode())


ATTACKS = {
    attack.__name__.replace("_", "-"): attack
    for attack in (reach, fetch, look, whoami, fork_bomb, memory_bomb, fill_disk)
}
