"""Whether what a page shows can be read: WCAG 2.2, success criterion 1.4.3 (AA)."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator

# Colours are read back from a canvas, which understands every notation a computed style may have.
_MEASURE = """
root => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const rgba = colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = node => {
    if (!node) return [255, 255, 255, 1];
    const own = rgba(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(node.parentElement));
  };
  const light = colour => colour.slice(0, 3)
    .map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (!text || !node.checkVisibility()) continue;
    if (node.closest(":disabled, [aria-disabled=true], .acl-hidden, option")) continue;
    const under = ground(node);
    const [one, two] = [light(over(rgba(getComputedStyle(node).color), under)), light(under)];
    found.push({ text, ratio: (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05) });
  }
  return found;
}
"""


@dataclass(frozen=True)
class Contrast:
    """A text and the contrast ratio it stands in."""

    text: str
    ratio: float


def contrasts(root: Locator) -> list[Contrast]:
    """Every visible text below an element; disabled controls are exempt."""
    return [Contrast(each["text"], each["ratio"]) for each in root.evaluate(_MEASURE)]


def assert_readable(root: Locator) -> None:
    """Every visible text has a contrast of 4.5 to 1 or better."""
    found = contrasts(root)
    assert found, "nothing to read"
    assert [each for each in found if each.ratio < 4.5] == []
