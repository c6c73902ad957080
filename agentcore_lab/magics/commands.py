"""The magics themselves: thin words around boto3, each able to show the code it ran."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display

from agentcore_lab.images.build import Built
from agentcore_lab.images.context import content_key
from agentcore_lab.lab import Lab
from agentcore_lab.lab_clock import LabClock, duration
from agentcore_lab.magics.deploy import Agent, deploy, point, runtime_named, runtimes
from agentcore_lab.magics.folder import write_agent
from agentcore_lab.magics.options import (
    BadInput,
    agent_parser,
    clock_parser,
    environment,
    logs_parser,
    parsed,
    read_invocation,
    sessions_parser,
)
from agentcore_lab.magics.results import InvocationFailed, LogTail
from agentcore_lab.magics.shown import Calls, recorded
from agentcore_lab.own_api import LabRefused
from agentcore_lab.panels.answer import Answer
from agentcore_lab.panels.invocation import ask
from agentcore_lab.panels.question import Question
from agentcore_lab.panels.views import SessionList, SessionView

FOLDER = Path("agents")
_SHORTEST_ID = 33


@magics_class
class LabMagics(Magics):
    """%%agent, %invoke, %sessions, %logs and %clock, on the notebook's Lab or one of their own."""

    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._own: Lab | None = None
        self._sessions: dict[str, str] = {}

    def lab_at_hand(self) -> Lab | None:
        """The notebook's ``lab``, else any other Lab it has, else the one made here before."""
        names = self.shell.user_ns
        labs = [value for value in (names.get("lab"), *list(names.values())) if isinstance(value, Lab)]
        return labs[0] if labs else self._own

    @cell_magic
    def agent(self, line: str, cell: str) -> Agent | Built:
        """Make the cell an agent and run it.

        %%agent NAME [options]

        Writes agents/NAME/agent.py, with a requirements.txt and a Dockerfile beside it, builds the image, creates
        the runtime NAME or updates it, and waits until it is READY. Nothing changed makes no new version. Remove
        the first line of requirements.txt or Dockerfile to keep what you change there.

        --protocol MCP      HTTP (as a rule), MCP, A2A or AGUI
        --requirements "a b"  packages besides the AgentCore SDK
        --env KEY=VALUE     an environment variable of the agent; as often as you like
        --endpoint prod     create this endpoint too, or move it to the new version
        --no-run            write and build, and leave the runtime as it is
        --show              print the boto3 calls

        Example:
            %%agent hello --requirements "requests"
            from bedrock_agentcore import BedrockAgentCoreApp

            app = BedrockAgentCoreApp()

            @app.entrypoint
            def invoke(payload):
                return {"answer": f"Hello {payload['prompt']}"}

            app.run()
        """
        options = parsed(agent_parser(), line)
        variables = environment(options.env)
        folder = FOLDER / options.name
        kept = write_agent(folder, options.name, cell, options.protocol, options.requirements)
        if "requirements.txt" in kept and options.requirements:
            raise BadInput(f"{folder / 'requirements.txt'} is yours: add the packages there, or delete it.")
        lab = self._lab()
        with recorded() as calls:
            # A tag that follows from the content: each version names its own image, as AWS advises.
            built = lab.build(folder, name=options.name.lower(), tag=content_key(folder)[:12])
            if options.no_run:
                return built
            runtime, changed = deploy(lab, options.name, built, options.protocol, variables)
            point(lab, runtime, options.endpoint or "DEFAULT")
        if changed:
            # The session talked to before stays on its version: whoever changed the agent wants to meet the new one.
            self._sessions.pop(runtime["agentRuntimeArn"], None)
        _show(calls, options.show)
        return Agent(
            options.name,
            runtime["agentRuntimeArn"],
            runtime["agentRuntimeId"],
            runtime["agentRuntimeVersion"],
            options.protocol,
            options.endpoint or "DEFAULT",
            built,
            folder,
            changed,
        )

    @no_var_expand
    @line_magic
    def invoke(self, line: str) -> Answer:
        """Invoke an agent.

        %invoke NAME PAYLOAD [options]

        PAYLOAD is JSON, or Python in brackets ({"prompt": question}), or words: {"prompt": words} goes out.
        The conversation stays in one session, until %%agent makes a new version. The answer is an object: value,
        text, figures, session_id.

        --session ID        a session of yours: its id, or the beginning of the id of one that lives; new: a fresh one
        --endpoint prod     the endpoint to invoke
        --stream            print the parts of a stream as they arrive
        --show              print the boto3 call

        Example:
            %invoke hello {"prompt": "Ada"}
            %invoke hello What is your name?
        """
        wanted = read_invocation(line.strip(), self.shell.var_expand, self.shell.ev)
        lab = self._lab()
        runtime = runtime_named(lab.control, wanted.name)
        arn = runtime["agentRuntimeArn"]
        session_id = self._session(lab, arn, wanted.session)
        question = Question(arn, session_id, wanted.endpoint, json.dumps(wanted.payload), raw=True)
        with recorded() as calls:
            answer = ask(lab.data, question, print if wanted.stream else _nothing)
        if answer.failure:
            raise InvocationFailed(answer)
        self._sessions[arn] = session_id
        _show(calls, wanted.show)
        return answer

    @line_magic
    def sessions(self, line: str) -> SessionList:
        """List sessions.

        %sessions [NAME] [--show]

        Those of the runtime NAME, or all: state, version, and what happens next. print() it for text.

        Example:
            %sessions hello
        """
        options = parsed(sessions_parser(), line)
        lab = self._lab()
        arn = runtime_named(lab.control, options.name)["agentRuntimeArn"] if options.name else None
        _show(Calls(code=f"lab.sessions({arn!r})" if arn else "lab.sessions()"), options.show)
        return lab.sessions(arn)

    @line_magic
    def logs(self, line: str) -> LogTail:
        """Show the end of an agent's log.

        %logs NAME|SESSION [-n 20] [--show]

        Of the session whose id is, or begins with, SESSION; or of the latest session of the runtime NAME. A session
        keeps its last 50 lines. On AWS they are in CloudWatch, /aws/bedrock-agentcore/runtimes/…

        -n 20               how many lines

        Example:
            %logs hello -n 5
        """
        options = parsed(logs_parser(), line)
        lab = self._lab()
        session = self._session_of(lab, options.target)
        _show(Calls(code=f"lab.session({session.session_id!r}).log_tail"), options.show)
        detail = lab.session(session.session_id, session.runtime_arn)
        return LogTail(session.session_id, detail.log_tail[-options.lines :])

    @line_magic
    def clock(self, line: str) -> LabClock:
        """Show the engine's clock or set it ahead.

        %clock [advance 15m] [--show]

        Idle time-outs and lifetimes that are due by then happen at once. The clock never goes back, and agents keep
        real time. Durations: 90s, 15m, 8h, 2d, 1h30m.

        Example:
            %clock advance 15m
        """
        options = parsed(clock_parser(), line)
        lab = self._lab()
        if options.advance and not options.by:
            raise BadInput("How far? Write `%clock advance 15m`.")
        code = "lab.clock"
        if options.by:
            try:
                by = duration(options.by)
                lab.clock.advance(seconds=by.total_seconds())
            except (ValueError, LabRefused) as error:
                raise BadInput(f"{error}.") from None
            code = f"lab.clock.advance(seconds={by.total_seconds():g})"
        _show(Calls(code=code), options.show)
        return lab.clock

    def _lab(self) -> Lab:
        lab = self.lab_at_hand()
        if lab is None:
            lab = self._own = Lab()
        return lab

    def _session(self, lab: Lab, arn: str, asked: str | None) -> str:
        if asked is None:
            return self._sessions.get(arn) or str(uuid.uuid4())
        if asked == "new":
            return str(uuid.uuid4())
        if len(asked) >= _SHORTEST_ID:
            return asked
        begun = [view for view in lab.sessions(arn) if view.session_id.startswith(asked)]
        if len(begun) != 1:
            raise BadInput(
                f"--session {asked}: AWS's session ids have 33 characters or more, and "
                f"{'more than one session' if begun else 'no session'} begins with this. "
                "Leave --session out, or say `--session new`."
            )
        return begun[0].session_id

    def _session_of(self, lab: Lab, target: str) -> SessionView:
        found = [view for view in lab.sessions() if view.session_id.startswith(target)]
        if len({view.session_id for view in found}) > 1:
            raise BadInput(f"More than one session begins with {target}: write more of its id.")
        if found:
            return found[0]
        runtime = runtimes(lab.control).get(target)
        if runtime is None:
            raise BadInput(f"There is no session and no agent runtime {target!r}. `%sessions` lists them.")
        sessions = lab.sessions(runtime["agentRuntimeArn"])
        if not sessions:
            raise BadInput(f"{target} has had no session yet. `%invoke {target} Hello` starts one.")
        return sessions[0]


def _show(calls: Calls, everything: bool) -> None:
    if everything:
        print(calls)  # noqa: T201 - asked for
    else:
        display(calls)  # type: ignore[no-untyped-call]


def _nothing(_line: str) -> None:
    """A stream is read to its end without a word."""
