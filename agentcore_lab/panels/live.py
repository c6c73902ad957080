"""What every live panel is: a widget fed by the kernel's one feed, that costs nothing while nobody sees it."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock, Thread, Timer
from typing import Any

import anywidget
import traitlets
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.clock import stopwatch
from agentcore_lab.panels.calls import Action, Source
from agentcore_lab.panels.failure import explain
from agentcore_lab.panels.feed import Wish
from agentcore_lab.panels.views import RuntimeName
from agentcore_lab.panels.world import Change, World

SETTLE_SECONDS = 2.0
"""How long changes are gathered before the whole state, which a saved notebook keeps, is sent again."""

VIEWED_SECONDS = 75.0
"""A page says every 30 s that it shows the panel; after so long without a word it does not."""


class LivePanel(anywidget.AnyWidget):
    """The browser sends messages and never sets a trait.

    Changes go to pages that show the panel as small messages at once, and as whole traits a little later, for
    whoever opens the page next or reads it without a kernel.
    """

    runtime: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    clock: Any = traitlets.Dict().tag(sync=True)
    notice: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self, source: Source, runtime_arn: str | None = None) -> None:
        """A panel of one runtime, or of all."""
        self._source = source
        self._name = RuntimeName.parse(runtime_arn) if runtime_arn else None
        self._changing = RLock()
        self._seen_at: float | None = None
        self._settling: Timer | None = None
        self._stale = False
        super().__init__(runtime=dict(self._name.shown()) if self._name else None)
        self.on_msg(self._on_message)
        source.feed.follow(self)
        self.settle()

    @property
    def world(self) -> World:
        """What the engine has told."""
        return self._source.feed.world

    @property
    def viewed(self) -> bool:
        """Whether a page has shown it lately."""
        return self._seen_at is not None and stopwatch() - self._seen_at < VIEWED_SECONDS

    def wish(self) -> Wish:
        """What this panel wants besides; nothing, unless its class says otherwise."""
        return Wish()

    def changed(self, change: Change) -> None:
        """Show a change: at once to those who look, and as a whole a little later."""
        if change.connection:
            self._connection()
        if change.all or change.clock:
            self._tell({"type": "clock", **self._now()})
        if change.all:
            self.settle()
            return
        if (words := self.words(change)) and self.viewed:
            self._tell({"type": "changes", **words})
        if self.matters(change):
            self._settle_soon()

    def state(self) -> dict[str, Any]:
        """The whole state, by trait."""
        raise NotImplementedError

    def words(self, change: Change) -> dict[str, Any]:  # noqa: ARG002 - for those that tell something
        """What a page that shows the panel has to be told of a change, besides traits."""
        return {}

    def matters(self, change: Change) -> bool:
        """Whether a change is worth sending the whole state again."""
        return bool(change.sessions or change.runtimes or change.invocations or change.clock)

    def act(self, message: Mapping[str, Any]) -> Action | None:
        """What a person's click stands for."""
        raise NotImplementedError

    def settle(self) -> None:
        """Send the whole state."""
        with self._source.feed.lock:
            state = {**self.state(), "clock": self._now()}
        with self._changing:
            self._settling = None
            self._set(**state)

    def close(self) -> None:
        """Show nothing any more."""
        self._source.feed.leave(self)
        super().close()

    def _settle_soon(self) -> None:
        with self._changing:
            if self._settling is None:
                self._settling = Timer(SETTLE_SECONDS, self.settle)
                self._settling.daemon = True
                self._settling.start()

    def _now(self) -> dict[str, Any]:
        now = self.world.time(stopwatch())
        return {"now": now.isoformat() if now else None, "ahead": self.world.ahead}

    def _connection(self) -> None:
        connection = self._source.feed.connection
        tone = "failed" if connection.state == "lost" else ""
        self._set(notice={"tone": tone, "text": connection.notice} if connection.notice else None)

    def _set(self, **traits: Any) -> None:
        with self._changing, self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)

    def _tell(self, content: Mapping[str, Any]) -> None:
        with self._changing:
            self.send(content)

    def _on_message(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """What a person did in the browser; whatever may wait runs on its own thread."""
        match message:
            case {"type": "hello"}:
                self._hello()
            case {"type": "bye"}:
                self._seen_at = None
                self._source.feed.wish_changed()
            case {"type": "copy"}:
                if call := self.act({**message, "type": message.get("what")}):
                    code = call.code(self._source)
                    self._tell({"type": "code", "kind": "boto3", "code": code})
            case {"type": str()}:
                Thread(target=self._do, args=(message,), daemon=True).start()

    def _hello(self) -> None:
        news = not self.viewed
        self._seen_at = stopwatch()
        self._tell({"type": "clock", **self._now()})
        if news:
            self._source.feed.wish_changed()

    def _do(self, message: Mapping[str, Any]) -> None:
        if (call := self.act(message)) is None:
            return
        try:
            call.run(self._source)
        except (ClientError, BotoCoreError) as error:
            failure = explain(error)
            words = f"{failure.cause} {failure.mend} ({failure.code})"
            self._set(notice={"tone": "failed", "text": words})
        except OSError as error:
            self._set(notice={"tone": "failed", "text": str(error)})
        else:
            self._set(notice={"tone": "done", "text": call.done})

    def __repr__(self) -> str:
        # The same in every run, so that executed notebooks compare equal; ``print(panel)`` tells what it shows.
        whose = f"runtime {self._name.name!r}" if self._name else "all runtimes"
        return f"{type(self).__name__}({whose})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        told = {**(data or {}), "text/plain": repr(self)}
        return (told, *rest) if rest else told
