"""A tool's arguments from the words of a question, by the tool's JSON schema; every word and number is used once."""

from __future__ import annotations

import re
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])(?<![^\W\d_]-)-?\d+(?:\.\d+)?")  # of "5-3" the second is 3
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)|`([^`]+)`")
_ARITHMETIC = re.compile(r"[(\d][\d\s().]*(?:(?:\*\*|[-+*/×÷^%])\s*[(\d][\d\s().]*)+")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?\b")
_PLACE = re.compile(r"\b(?:in|at|for|from|to|of|about|near)\s+((?:[A-Z][\w’'-]*)(?:\s+[A-Z][\w’'-]*)*)")
_YES = re.compile(r"\b(?:true|yes|on|with)\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:false|no|off|without)\b", re.IGNORECASE)
_FORMULAS = frozenset({"expression", "formula", "equation", "calculation", "math", "sum"})
_DEEPEST = 8
"""How far schemas may be nested; those that hold themselves end there."""

_NOTHING = object()


def filled(question: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments that satisfy ``schema`` as far as ``question`` has them.

    A member that is not required is left out unless the question has something for it; a required string takes the
    whole question as the last resort.
    """
    return _Filler(question, schema).object(schema, 0)


class _Filler:
    """One question, and what of it has not been used yet."""

    def __init__(self, question: str, root: dict[str, Any]) -> None:
        self._question = question
        self._root = root
        self._quoted = ["".join(groups) for groups in _QUOTED.findall(question)]
        rest = _DATE.sub(" ", _QUOTED.sub(" ", question))
        self._numbers = [float(text) if "." in text else int(text) for text in _NUMBER.findall(rest)]
        self._dates = _DATE.findall(question)
        self._places = _PLACE.findall(question)

    def object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """The members of an object."""
        required = schema.get("required") or ()
        members: dict[str, Any] = schema.get("properties") or {}
        values = {}
        # What must be there has the first choice of the question's words.
        for name in sorted(members, key=lambda name: name not in required):
            value = self._value(name, self._resolved(members[name]), name in required, depth + 1)
            if value is not _NOTHING:
                values[name] = value
        return {name: values[name] for name in members if name in values}

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """``schema`` with its reference followed and the first of its choices taken that is not null."""
        for _ in range(_DEEPEST):
            if reference := schema.get("$ref"):
                target: Any = self._root
                for step in reference.removeprefix("#/").split("/"):
                    target = target.get(step, {})
                schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            elif choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
                first: dict[str, Any] = next((each for each in choices if each.get("type") != "null"), {})
                outer = {key: schema[key] for key in schema if key not in {"anyOf", "oneOf", "allOf"}}
                schema = {**first, **outer}
            else:
                break
        return schema

    def _value(self, name: str, schema: dict[str, Any], required: bool, depth: int) -> Any:
        found = self._found(name, schema, required, depth)
        if found is not _NOTHING or not required:
            return found
        return schema["default"] if "default" in schema else self._last_resort(schema)

    def _found(self, name: str, schema: dict[str, Any], required: bool, depth: int) -> Any:
        if "const" in schema:
            return schema["const"]
        if options := schema.get("enum"):
            return self._option(options)
        match _type(schema):
            case "integer" | "number" as kind:
                return self._number(whole=kind == "integer")
            case "boolean":
                return self._flag(name)
            case "array":
                return self._array(name, self._resolved(schema.get("items") or {}), required, depth)
            case "object":
                members = self.object(schema, depth) if depth < _DEEPEST and required else {}
                return members or _NOTHING
            case _:
                return self._text(name, required)

    def _option(self, options: list[Any]) -> Any:
        lower = self._question.lower()
        said = (o for o in options if re.search(rf"(?<!\w){re.escape(str(o).lower())}(?!\w)", lower))
        return next(said, _NOTHING)

    def _number(self, *, whole: bool) -> Any:
        for at, number in enumerate(self._numbers):
            if not whole or number == int(number):
                del self._numbers[at]
                return int(number) if whole else number
        return _NOTHING

    def _flag(self, name: str) -> Any:
        # An option of many tools ("verbose"): only what is spoken of is set.
        if name.replace("_", " ").lower() not in self._question.lower():
            return _NOTHING
        return _YES.search(self._question) is not None or _NO.search(self._question) is None

    def _array(self, name: str, items: dict[str, Any], required: bool, depth: int) -> Any:
        found = []
        while depth < _DEEPEST and (value := self._found(name, items, False, depth + 1)) is not _NOTHING:
            found.append(value)
            if "enum" in items or "const" in items or _type(items) not in {"integer", "number", "string"}:
                break
        if not found and required and _type(items) == "string":
            found = [self._question]
        return found or _NOTHING

    def _text(self, name: str, required: bool) -> Any:
        spoken = name.replace("_", "[ _-]?")
        if named := re.search(rf"\b{spoken}\s*[:=]\s*(\"[^\"]+\"|[^\s,;]+)", self._question, re.IGNORECASE):
            return named[1].strip('"')
        if name.lower() in _FORMULAS and (formula := _ARITHMETIC.search(self._question)):
            return formula[0].strip()
        if "date" in name.lower() and self._dates:
            return self._dates.pop(0)
        if self._quoted:
            return self._quoted.pop(0)
        return self._places.pop(0) if required and self._places else _NOTHING

    def _last_resort(self, schema: dict[str, Any]) -> Any:
        if options := schema.get("enum"):
            return options[0]
        plain: dict[str, Any] = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
        return plain.get(_type(schema), self._question)


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return next((each for each in kind if each != "null"), "string") if isinstance(kind, list) else str(kind)
