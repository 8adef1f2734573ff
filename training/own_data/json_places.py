"""Finds the line that an element of a JSON text stands on, which the json module does not tell."""

import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?|[{}\[\],]|\n', re.DOTALL)


def lines_of_objects(content: str) -> dict[str, int]:
    """The line of each object's opening brace by its path, such as ``data[3].paragraphs[2]``.

    ``content`` is valid JSON; lines are counted from 1.
    """
    lines: dict[str, int] = {}
    steps: list[str | int] = []
    line = 1
    for match in _TOKEN.finditer(content):
        token = match[0]
        if token[0] == '"':
            if match[1] is not None:
                steps[-1] = token[: token.rindex('"')][1:]
            line += token.count("\n")
        elif token == "\n":
            line += 1
        elif token == "{":
            lines[path_of(steps)] = line
            steps.append("")
        elif token == "[":
            steps.append(0)
        elif token == "," and isinstance(steps[-1], int):
            steps[-1] += 1
        elif token in "}]":
            steps.pop()
    return lines


def path_of(steps: list[str | int]) -> str:
    """``["data", 3, "qas"]`` as ``data[3].qas``."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".")
