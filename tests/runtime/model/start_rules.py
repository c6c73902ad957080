"""Sessions whose start takes its time, where the world can hold it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.runtime.model.agreement import Key, key_of
from tests.runtime.model.call_rules import CallLives
from tests.runtime.model.scripted_world import ScriptedWorld


class StartLives(CallLives):
    world: ScriptedWorld

    @precondition(lambda self: self.world.holds_starts and self.runtimes)
    @rule(data=st.data(), callers=st.integers(1, 3))
    def begin_a_start(self, data: st.DataObject, callers: int) -> None:
        """Calls at once to a session that does not live, and none of them is answered before it has started."""
        absent = [key for key in self.all_keys() if key not in self.living]
        may_begin = [(key, name) for key in absent for name in self.runtimes[key[0]].serving()]
        if not may_begin:
            return
        self.did("start held")
        key, qualifier = data.draw(st.sampled_from(may_begin))
        self.world.holding = True
        self.hold([(key, qualifier)] * callers, b"{}")
        self.living[key].starting, self.living[key].calls = True, 0
        self.wait(lambda: self.is_held(key), lambda: f"{key} does not start")
        self.world.holding = False

    @precondition(lambda self: self.starting())
    @rule(data=st.data(), calls=st.integers(0, 3))
    def end_a_start(self, data: st.DataObject, calls: int) -> None:
        """The session starts, and answers all that waited for it and whoever else calls meanwhile."""
        self.did("held start ended")
        key = data.draw(st.sampled_from(self.starting()))
        session = self.living[key]
        through = self.runtimes[key[0]].serving()[:calls]
        late = [self.callers.submit(self.send, (key, name)) for name in through]
        self.world.let_start(self.sandbox(key))
        for future in (*self.open_calls.pop(key), *late):
            assert future.result(self.world.patience) == session.version
        session.starting, session.last_activity = False, self.world.clock.now()

    def starting(self) -> list[Key]:
        """The sessions whose start is held."""
        return self.in_order(key for key, each in self.living.items() if each.starting)

    def is_held(self, key: Key) -> bool:
        living = [each for each in self.world.listed() if each["state"] != "Terminated"]
        return any(self.world.holds(each["sandboxId"]) for each in living if key_of(each) == key)
