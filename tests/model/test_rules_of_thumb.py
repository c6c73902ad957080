"""Which tool the scripted model calls, and with which arguments."""

from __future__ import annotations

from typing import Any

import pytest

from agentcore_lab.model.choosing import fitting
from agentcore_lab.model.conversation import Tool
from agentcore_lab.model.filling import filled

CALCULATOR = Tool("calculator", "Evaluates a mathematical expression.", {})
WEATHER = Tool("get_weather", "Get the current weather of a city.", {})
ORDERS = Tool("lookupOrder", "Find an order of a customer and its status.", {})
SEARCH = Tool("web_search", "Searches the web for pages.", {})
TOOLS = (CALCULATOR, WEATHER, ORDERS, SEARCH)


@pytest.mark.parametrize(
    ("question", "tool"),
    [
        ("What's the weather like in Oslo?", WEATHER),
        ("Calculate 5 * 3", CALCULATOR),
        ("How much is 5*3?", CALCULATOR),
        ("Where are my orders?", ORDERS),
        ("Search the web for cats", SEARCH),
        ("status of the customer", ORDERS),
        ("Tell me about a city", None),
        ("Hello!", None),
        ("", None),
        ("天気はどうですか", None),
    ],
)
def test_the_tool_with_most_words_in_common_is_called(question: str, tool: Tool | None) -> None:
    """A word of the name is enough, of the description two; endings make no difference."""
    assert fitting(question, TOOLS) is tool


def schema(required: str = "", **properties: Any) -> dict[str, Any]:
    """A JSON schema of an object; ``required`` are names parted by spaces."""
    return {"type": "object", "properties": properties, "required": required.split()}


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
WHOLE = {"type": "integer"}
UNIT = {"enum": ["celsius", "fahrenheit"]}


@pytest.mark.parametrize(
    ("question", "of", "values"),
    [
        ("add 3 and 4.5", schema("a b", a=NUMBER, b=NUMBER), {"a": 3, "b": 4.5}),
        ("5-3", schema("a b", a=WHOLE, b=WHOLE), {"a": 5, "b": 3}),
        ("from -2 to 2.5", schema("n", n=WHOLE), {"n": -2}),
        (
            'send "hi there" to "Bob"',
            schema("text to", text=TEXT, to=TEXT),
            {"text": "hi there", "to": "Bob"},
        ),
        (
            "weather in New York, in Celsius",
            schema("city", city=TEXT, unit=UNIT),
            {"city": "New York", "unit": "celsius"},
        ),
        ("weather in Rome", schema("city", city=TEXT, unit=UNIT), {"city": "Rome"}),
        (
            "some weather",
            schema("city unit", city=TEXT, unit=UNIT),
            {"city": "some weather", "unit": "celsius"},
        ),
        ("What is (2 + 3) * 4?", schema("expression", expression=TEXT), {"expression": "(2 + 3) * 4"}),
        ("order_id: A-17", schema("order_id", order_id=TEXT), {"order_id": "A-17"}),
        ("order id A-17", schema("query", query=TEXT, limit=WHOLE), {"query": "order id A-17"}),
        ("on 2026-11-21 at 9", schema("date hour", date=TEXT, hour=WHOLE), {"date": "2026-11-21", "hour": 9}),
        (
            "mean of 1, 2 and 3",
            schema("values", values={"type": "array", "items": NUMBER}),
            {"values": [1, 2, 3]},
        ),
        ("all of them", schema("names", names={"type": "array", "items": TEXT}), {"names": ["all of them"]}),
        (
            "verbose off",
            schema("", verbose={"type": "boolean"}, quiet={"type": "boolean"}),
            {"verbose": False},
        ),
        (
            "anything",
            schema("n flag", n={**WHOLE, "default": 7}, flag={"type": "boolean"}),
            {"n": 7, "flag": False},
        ),
        ("wait 5", schema("", n={"anyOf": [{"type": "integer"}, {"type": "null"}]}), {"n": 5}),
        ("wait 5", schema("", n={"type": ["null", "integer"]}), {"n": 5}),
        ("no schema", {}, {}),
    ],
)
def test_arguments_are_found_in_the_question(
    question: str, of: dict[str, Any], values: dict[str, Any]
) -> None:
    """By type and name; what is optional only where the question has it, what is required always."""
    assert filled(question, of) == values


def test_schemas_may_refer_to_others_and_to_themselves() -> None:
    """References are followed, and one that has no end is not followed to it."""
    node = {
        "type": "object",
        "properties": {"n": WHOLE, "next": {"$ref": "#/$defs/Node"}},
        "required": ["n", "next"],
    }
    root = {**schema("start", start={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}}
    values = filled("1 2", root)
    assert values["start"]["n"] == 1
    assert values["start"]["next"]["n"] == 2
