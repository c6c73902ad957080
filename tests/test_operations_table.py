"""docs/operations.md says what the engine does."""

from __future__ import annotations

from tools.operations_table import NOTES, PAGE, answered, every_operation, paths, render


def test_the_page_is_current() -> None:
    """A handler or a note that changed is in the page: run ``python -m tools.operations_table``."""
    assert PAGE.read_text() == render()


def test_every_modelled_operation_is_on_the_page() -> None:
    """None of the three services is left out, and every handler is of a modelled operation."""
    names = {operation.name for operation in every_operation()}
    text = PAGE.read_text()
    assert answered() <= names
    assert [name for name in sorted(names) if f"| `{name}` |" not in text] == []


def test_every_note_is_on_a_field_there_is() -> None:
    """A field that a newer model renamed takes no note along."""
    shapes = {operation.name: operation.model.input_shape for operation in every_operation()}
    for name, notes in NOTES.items():
        assert name in answered()
        assert set(notes) <= set(paths(shapes[name]))
