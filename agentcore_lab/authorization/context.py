"""What a policy may ask about a request (AWS: global condition context keys)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Context:
    """Condition keys with their values; the names of keys ignore case (AWS: Condition element)."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str | Iterable[str]]) -> None:
        self._values = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in values.items()
        }

    def get(self, key: str) -> tuple[str, ...] | None:
        """All values of a key; None when the request does not have it."""
        return self._values.get(key.lower())
