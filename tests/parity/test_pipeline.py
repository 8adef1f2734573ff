"""Every golden answer of the pipeline of transformers 5.2.0, which needs no transformers here."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.pipeline.compare import Difference, differences
from tests.pipeline.data_sets import data_sets
from tests.pipeline.golden import Golden, read_data_sets, read_own_texts
from training.in_process import open_model

pytestmark = pytest.mark.parity

THREADS = 2
DATA = os.environ.get("DATA")


def all_differences(golden: list[Golden]) -> list[Difference]:
    model = open_model(DEFAULT_MODELS / "question-answering" / "1")
    with ThreadPoolExecutor(THREADS) as threads:
        parts = [golden[first::THREADS] for first in range(THREADS)]
        return [one for part in threads.map(lambda part: differences(model, part), parts)
                for one in part]  # fmt: skip


def test_all_answers_over_own_texts_are_those_of_the_pipeline() -> None:
    golden = read_own_texts()
    different = all_differences(golden)
    assert len(different) <= len(golden) // 1000, different


@pytest.mark.skipif(DATA is None, reason="needs the data sets: make parity DATA=…")
def test_answers_over_data_sets_are_those_of_the_pipeline() -> None:
    golden = read_data_sets(data_sets(Path(DATA or "")))
    assert len(golden) >= 2_000
    different = all_differences(golden)
    assert len(different) <= len(golden) // 1000, different
