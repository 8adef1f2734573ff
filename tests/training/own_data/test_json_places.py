import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from training.own_data.json_places import lines_of_objects, path_of

KEYS = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=3)
VALUES = st.recursive(
    st.text(st.characters(exclude_characters="{}")) | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def objects(value: Any, steps: list[str | int]) -> list[str]:
    """Paths of all objects, in the order in which they begin."""
    if isinstance(value, dict):
        inside = [objects(one, [*steps, key]) for key, one in value.items()]
        return [path_of(steps), *(path for paths in inside for path in paths)]
    if isinstance(value, list):
        return [p for at, one in enumerate(value) for p in objects(one, [*steps, at])]
    return []


@given(VALUES)
def test_every_object_is_on_the_line_of_its_brace(value: Any) -> None:
    content = json.dumps(value, indent=1, ensure_ascii=False)
    lines = lines_of_objects(content)
    braces = [number for number, line in enumerate(content.split("\n"), start=1) if "{" in line]
    assert list(lines) == objects(value, [])
    assert list(lines.values()) == braces
