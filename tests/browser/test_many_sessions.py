"""A panel open on 200 sessions: it still shows every change, and how soon is written down beside 2 sessions."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median, quantiles

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Show, chromium, page, server, show
from tests.browser.test_live_panels import SESSIONS, panel_of

__all__ = ["chromium", "page", "server", "show"]

pytestmark = [pytest.mark.browser, pytest.mark.long]

CHANGES = 60
OPEN = """
from tests.browser.scripted_live import open_lab
lab = open_lab()
arn = lab.runtime()
ids = lab.talk(arn, {count})
"""
# The engine's moment of a call's end, by the machine's own clock, until the browser has painted the row.
WATCH = """
() => {
  window.seen = [];
  document.addEventListener("acl-changed", ({ detail }) => {
    if (!detail.length) return;
    const since = Math.max(...detail.map(row => Date.parse(row.active)));
    requestAnimationFrame(() => setTimeout(() => window.seen.push(Date.now() - since)));
  });
  window.long = [];
  new PerformanceObserver(list => window.long.push(...list.getEntries().map(entry => entry.duration)))
    .observe({ type: "longtask" });
}
"""
CALL = """
import threading, time
def call():
    for number in range({changes}):
        lab.invoke(arn, ids[number % len(ids)])
        time.sleep(0.15)
threading.Thread(target=call, daemon=True).start()
"""
COST = """
import psutil, threading, time
(feed,) = [thread for thread in threading.enumerate() if thread.name == "agentcore-lab feed"]
def used():
    (own,) = [each for each in psutil.Process().threads() if each.id == feed.native_id]
    return own.user_time + own.system_time
before = used()
time.sleep(20)
print(f"feed thread: {100 * (used() - before) / 20:.2f} % of one processor")
"""


@pytest.mark.parametrize("count", [2, 200])
def test_a_change_is_seen_however_many_sessions_there_are(show: Show, count: int, tmp_path: Path) -> None:
    """Every change is painted while the other rows live on; the times are left in event-to-paint.json."""
    page = show(OPEN.format(count=count), SESSIONS, COST)
    panel = panel_of(page, "Sessions")
    expect(panel.locator("tbody tr")).to_have_count(count)
    idle = page.locator(".jp-OutputArea-output").last.inner_text().strip()
    page.evaluate(WATCH)
    # A second kernel's cell would need another page: the stimulus comes through this one's own session.
    page.evaluate(
        "code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({ code, silent: true }).done.then(() => null)",
        CALL.format(changes=CHANGES),
    )
    page.wait_for_function(f"window.seen.length >= {CHANGES}", timeout=180_000)
    seen, long = page.evaluate("window.seen"), page.evaluate("window.long")
    (tmp_path / "event-to-paint.json").write_text(
        json.dumps(
            {
                "sessions": count,
                "changes": len(seen),
                "median_ms": median(seen),
                "p95_ms": quantiles(seen, n=20)[-1],
                "long_tasks": len(long),
                "longest_ms": max(long, default=0),
                "idle": idle,
            }
        )
    )
