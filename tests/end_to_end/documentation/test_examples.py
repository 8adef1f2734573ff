"""Every block of README.md and docs/ runs as it stands and prints what the page shows below it, or
is on the list of those that do not, with the reason.
"""

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.end_to_end.documentation.blocks import PROGRAMS, all_blocks, blocks_of
from tests.end_to_end.documentation.not_run import NOT_RUN
from tests.end_to_end.documentation.reader import paste, prepare
from tests.keys import write_keys
from tests.server import ServerProcess

KEY_VARIABLE = "ALBERT_API_KEY"
BLOCKS = all_blocks()
RUN = [
    block
    for block in BLOCKS
    if block.language in PROGRAMS and (block.page, block.first_line) not in NOT_RUN
]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all blocks run, in their order: one may use what an earlier one wrote."""
    made = tmp_path_factory.mktemp("reader")
    prepare(made)
    return made


def approximately(value):
    """``value`` with its numbers in the precision in which the page has them."""
    if isinstance(value, dict):
        return {key: approximately(item) for key, item in value.items()}
    if isinstance(value, list):
        return [approximately(item) for item in value]
    return pytest.approx(value, abs=1e-3) if isinstance(value, float) else value


@pytest.mark.parametrize("block", RUN, ids=[block.name for block in RUN])
def test_a_block_prints_what_the_page_shows(served, directory, block):
    check(block, served, directory)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    """A service of the default models that asks for the reader's key."""
    path = write_keys(tmp_path_factory.mktemp("keyed"))
    with ServerProcess(DEFAULT_MODELS, "--api-keys-file", str(path)) as server:
        yield server


WITH_KEY = [block for block in RUN if KEY_VARIABLE in block.text]


@pytest.mark.parametrize("block", WITH_KEY, ids=[block.name for block in WITH_KEY])
def test_a_block_with_a_key_is_let_in_where_one_is_asked_for(keyed, directory, block):
    check(block, keyed, directory)


def test_a_key_is_shown_in_three_languages():
    assert {block.language for block in WITH_KEY} == set(PROGRAMS)


def check(block, server, directory):
    """Run ``block`` and compare what it prints."""
    printed = paste(block, server, directory)
    if block.shown is None:
        return
    if block.shown.language == "json":
        assert json.loads(printed) == approximately(json.loads(block.shown.text)), printed
    else:
        assert printed == block.shown.text


def test_every_block_is_run_or_on_the_list():
    known = {(block.page, block.first_line) for block in RUN} | NOT_RUN.keys()
    missing = [block.name for block in BLOCKS if (block.page, block.first_line) not in known]
    assert not missing, "neither run nor in not_run.py"


def test_the_list_has_nothing_that_is_gone():
    assert NOT_RUN.keys() <= {(block.page, block.first_line) for block in BLOCKS}


def test_the_pages_have_examples_in_three_languages():
    assert {block.language for block in RUN} == set(PROGRAMS)


def test_blocks_are_found_and_outputs_belong_to_programs():
    page = (
        "# A page\n\n    make one\n    make two\n\nText\n```sh\nls\n```\n\n```text\nfile\n```\n\n"
        "- an item\n  of two lines\n\n```json\n{}\n```\n\n```\nplain\n```\n"
    )
    found = [(block.language, block.line, block.first_line) for block in blocks_of("p", page)]
    assert found == [
        ("indented", 3, "make one"),
        ("sh", 7, "ls"),
        ("json", 18, "{}"),
        ("", 22, "plain"),
    ]
    assert blocks_of("p", page)[1].shown.text == "file\n"
    assert blocks_of("p", page)[2].shown is None
