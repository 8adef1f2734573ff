"""Every example of these pages runs as it stands, and prints what the page shows below it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JAVASCRIPT = ROOT / "tests" / "javascript"
PAGES = {
    name: (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("api.md", "open-inference.md", "tokenization.md")
}
BLOCK = re.compile(
    r"^```(?P<language>\w+)\n(?P<program>.*?)^```$"
    r"(?:\n\n```(?P<format>json|text)\n(?P<printed>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = [
    (f"{name}-line-{1 + page.count(chr(10), 0, match.start())}-{match['language']}", match)
    for name, page in PAGES.items()
    for match in BLOCK.finditer(page)
    if match["language"] in ("sh", "python", "js")
]


def command_of(language, program, tmp_path):
    """What runs ``program``, and where."""
    if language == "sh":
        return ["sh", "-ec", program], tmp_path
    if language == "python":
        return [sys.executable, "-c", program], tmp_path
    if shutil.which("node") is None:
        pytest.skip("node is not there")
    if not (JAVASCRIPT / "node_modules").is_dir():
        pytest.skip("@huggingface/inference is not installed: npm ci --prefix tests/javascript")
    return ["node", "--input-type=module", "--eval", program], JAVASCRIPT


def approximately(value):
    """``value`` with its numbers in the precision in which the page has them."""
    if isinstance(value, dict):
        return {key: approximately(item) for key, item in value.items()}
    if isinstance(value, list):
        return [approximately(item) for item in value]
    return pytest.approx(value, abs=1e-3) if isinstance(value, float) else value


@pytest.mark.parametrize(
    "example", [match for _, match in EXAMPLES], ids=[name for name, _ in EXAMPLES]
)
def test_an_example_prints_what_the_page_shows(served, tmp_path, example):
    program = example["program"].replace("127.0.0.1:8000", f"127.0.0.1:{served.port}")
    command, directory = command_of(example["language"], program, tmp_path)
    process = subprocess.run(
        command,
        cwd=directory,
        env={key: value for key, value in os.environ.items() if "PROXY" not in key.upper()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr + process.stdout
    if example["format"] == "json":
        shown = approximately(json.loads(example["printed"]))
        assert json.loads(process.stdout) == shown, process.stdout
    elif example["format"] == "text":
        assert process.stdout == example["printed"]


def test_the_pages_have_examples_in_three_languages():
    assert {match["language"] for _, match in EXAMPLES} == {"sh", "python", "js"}
