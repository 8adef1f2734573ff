"""The exported file and the numpy reference against transformers' own classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.checkpoints import write_checkpoint
from export.checkpoint import read_checkpoint
from export.graph import build_graph
from export.parity import ParitySequence, open_session, run_batch
from export.reference import Reference
from tests.parity.checkpoint_grid import CASES, Case
from tests.parity.conftest import Difference

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.parity

FILE_LIMIT = 1e-4  # the requirement on fp32
REFERENCE_LIMIT = 1e-10  # float64 against float64

LENGTHS = (1, 2, 3, 7, 16, 31, 64, 128, 511, 512)
PADDED_BATCHES = ((64, 3, 17), (5, 6, 7, 8, 2), (1, 40))


def sequences(case: Case, lengths: tuple[int, ...], seed: int) -> list[ParitySequence]:
    random = np.random.default_rng(seed)
    rows = []
    for length in lengths:
        ids = random.integers(0, case.shape.vocab_size, length)
        types = np.sort(random.integers(0, case.shape.type_vocab_size, length))
        rows.append(ParitySequence(tuple(ids.tolist()), tuple(types.tolist())))
    return rows


def batches(case: Case) -> list[list[ParitySequence]]:
    longest = case.shape.max_position_embeddings
    single = [[row] for row in sequences(case, tuple(n for n in LENGTHS if n <= longest), 1)]
    return single + [sequences(case, lengths, 2) for lengths in PADDED_BATCHES]


def torch_logits(model: Any, batch: list[ParitySequence]) -> list[NDArray[Any]]:
    longest = max(len(row.ids) for row in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.long)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for index, row in enumerate(batch):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        types[index, : len(row.ids)] = torch.tensor(row.token_types)
        mask[index, : len(row.ids)] = 1
    with torch.inference_mode():
        output = model(input_ids=ids, attention_mask=mask, token_type_ids=types)
    if "logits" in output:
        return list(output.logits.numpy())
    spans = np.stack([output.start_logits.numpy(), output.end_logits.numpy()], axis=1)
    return [spans[index, :, : len(row.ids)] for index, row in enumerate(batch)]


def load(directory: Path, case: Case, attention: str, dtype: Any) -> Any:
    name = "QuestionAnswering" if case.labels is None else "SequenceClassification"
    cls = getattr(transformers, f"AlbertFor{name}")
    model = cls.from_pretrained(directory, attn_implementation=attention, dtype=dtype)
    return model.eval()


def largest_difference(one: list[NDArray[Any]], other: list[NDArray[Any]]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_file_and_the_reference_are_the_model(
    case: Case, tmp_path: Path, measured: dict[str, Difference]
) -> None:
    directory = write_checkpoint(
        tmp_path, shape=case.shape, labels=case.labels, problem_type=case.problem_type, seed=7
    )
    checkpoint = read_checkpoint(directory)
    session = open_session(build_graph(checkpoint.config, checkpoint.weights))
    reference = Reference(checkpoint.config, checkpoint.weights)
    exact = load(directory, case, "eager", torch.float64)
    usual = [load(directory, case, kind, torch.float32) for kind in ("eager", "sdpa")]
    file_difference = reference_difference = 0.0
    for batch in batches(case):
        file = run_batch(session, batch, pad_id=0)
        for model in usual:
            file_difference = max(
                file_difference, largest_difference(file, torch_logits(model, batch))
            )
        ours = [reference.logits(row.ids, row.token_types) for row in batch]
        reference_difference = max(
            reference_difference, largest_difference(ours, torch_logits(exact, batch))
        )
    measured[case.name] = Difference(file_difference, reference_difference)
    assert file_difference <= FILE_LIMIT
    assert reference_difference <= REFERENCE_LIMIT
