"""The gate that an exported graph must pass: its logits are those of the float64 reference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from export.config import AlbertConfig
from export.errors import ExportRefusedError
from export.progress import Progress
from export.reference import Array, Reference
from export.tokenizer import CheckedTokenizer
from export.weights import Weights
from model_directory.manifest import Parity

FP32_LIMIT = 1e-4  # largest allowed difference of a logit, from the requirements

_LENGTHS = (2, 3, 5, 8, 13, 21, 34, 64, 128)
_BATCHES = (2, 5)
_LONGEST = 1024  # attention of a longer sequence takes gigabytes in float64
_BATCH_TOKENS = 512  # padded; longer sequences run alone
_SEED = 1
_STAGE = "comparing with the float64 reference"

BUILT_IN_TEXTS = (
    "The film was far better than I had expected, and the music was a joy.",
    "A dull, overlong story that nobody in the audience seemed to care about.",
    "Shares fell by 3.5% on Tuesday after the central bank raised its rates again.",
    "The river rises in the hills north of the town and runs 120 miles to the sea.",
    "Where was the first bridge over the river built, and who paid for it?",
    "Scientists said the probe, launched in 1997, had sent its last pictures of Saturn.",
    "The striker scored twice before half-time, and the visitors never recovered.",
    "I ordered two of these; one arrived broken, and nobody answered my letters.",
    "Café, naïve, Zürich and Ångström are written with accents that ALBERT drops.",
    "It isn't that the plot's weak — it's that there's no plot at all!",
)


@dataclass(frozen=True, slots=True)
class ParitySequence:
    """One row: ids and token types of the same length, special tokens included."""

    ids: tuple[int, ...]
    token_types: tuple[int, ...]


def measure_parity(
    model: Path | bytes,
    config: AlbertConfig,
    weights: Weights,
    sequences: Sequence[ParitySequence],
    progress: Progress,
) -> Parity:
    """Run the graph in onnxruntime and compare every logit with the reference.

    The reference sees each sequence alone and unpadded; the graph sees it alone and in padded
    batches, so padding that leaks is found too. ExportRefusedError if a logit differs by more than
    FP32_LIMIT.
    """
    reference = Reference(config, weights)
    expected: list[Array] = []
    for sequence in sequences:
        progress(_STAGE, len(expected), len(sequences))
        expected.append(reference.logits(sequence.ids, sequence.token_types))
    session = open_session(model)
    pad_id = config.pad_token_id or 0
    largest, batches = 0.0, 0
    for rows in _batches(sequences):
        outputs = run_batch(session, [sequences[row] for row in rows], pad_id)
        for output, row in zip(outputs, rows, strict=True):
            difference = np.abs(output - expected[row]).max()
            if not difference <= FP32_LIMIT:
                length = len(sequences[row].ids)
                raise ExportRefusedError(
                    f"the graph differs from the reference by {difference:.2g} in a logit of a "
                    f"sequence of {length} tokens, more than {FP32_LIMIT:g}: nothing was written"
                )
            largest = max(largest, float(difference))
        batches += 1
    return Parity(
        max_logit_difference=largest, limit=FP32_LIMIT, sequences=len(sequences), batches=batches
    )


def open_session(model: Path | bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """Open a session on the CPU that logs nothing but errors; 0 threads are one a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run_batch(
    session: onnxruntime.InferenceSession, rows: Sequence[ParitySequence], pad_id: int
) -> list[NDArray[np.float32]]:
    """Run the rows as one padded batch, and return each row's logits without its padding.

    A classifier gives [labels] for each row; question answering gives [2, tokens].
    """
    outputs = session.run(None, _feeds(rows, pad_id))
    if len(outputs) == 1:
        return list(outputs[0])
    stacked = np.stack(outputs, axis=1)
    return [stacked[index, :, : len(row.ids)] for index, row in enumerate(rows)]


def run_observed(
    session: onnxruntime.InferenceSession, row: ParitySequence, count: int
) -> list[NDArray[np.float32]]:
    """Run one row, and return the last ``count`` outputs of the graph: what is observed of it."""
    return list(session.run(None, _feeds([row], pad_id=0))[-count:])


def _feeds(rows: Sequence[ParitySequence], pad_id: int) -> dict[str, NDArray[np.int64]]:
    longest = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), longest), pad_id, np.int64)
    mask, token_types = np.zeros_like(ids), np.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = row.ids
        token_types[index, : len(row.ids)] = row.token_types
        mask[index, : len(row.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": token_types}


def build_sequences(
    tokenizer: CheckedTokenizer, texts: Sequence[str], max_tokens: int
) -> list[ParitySequence]:
    """Build sequences of many lengths from the texts, singles and pairs by turns.

    Lengths go up to ``max_tokens``, or to 1,024 where that is less. Each takes its tokens from
    another place of the texts; what they are too short for is filled with ids drawn at random.
    """
    ids = [token_id for text in texts for token_id in tokenizer.ids(text)]
    random = np.random.default_rng(_SEED)
    longest = min(max_tokens, _LONGEST)
    lengths = sorted({min(length, longest) for length in (*_LENGTHS, longest)})
    sequences, position = [], 0
    for index, length in enumerate(lengths):
        is_pair = index % 2 == 1 and length > 4
        needed = length - (3 if is_pair else 2)
        taken = ids[position : position + needed]
        position = position + needed if position + needed < len(ids) else 0
        drawn = random.integers(0, tokenizer.facts.vocab_size, needed - len(taken)).tolist()
        sequences.append(_sequence(tokenizer, [*taken, *drawn], is_pair))
    return sequences


def text_sequence(
    tokenizer: CheckedTokenizer, text: str, before: str | None, longest: int
) -> ParitySequence:
    """Build [CLS] text [SEP], or [CLS] before [SEP] text [SEP], cut to ``longest`` tokens.

    ``before`` gets no more than half of them.
    """
    cls_id, sep_id = tokenizer.facts.cls_token_id, tokenizer.facts.sep_token_id
    first = [cls_id]
    if before is not None:
        first += [*tokenizer.ids(before)[: longest // 2 - 2], sep_id]
    second = [*tokenizer.ids(text)[: longest - len(first) - 1], sep_id]
    types = (0,) * len(first) + (0 if before is None else 1,) * len(second)
    return ParitySequence((*first, *second), types)


def _sequence(tokenizer: CheckedTokenizer, ids: list[int], is_pair: bool) -> ParitySequence:
    cls_id, sep_id = tokenizer.facts.cls_token_id, tokenizer.facts.sep_token_id
    if not is_pair:
        return ParitySequence((cls_id, *ids, sep_id), (0,) * (len(ids) + 2))
    first, second = ids[: len(ids) // 3], ids[len(ids) // 3 :]
    token_types = (0,) * (len(first) + 2) + (1,) * (len(second) + 1)
    return ParitySequence((cls_id, *first, sep_id, *second, sep_id), token_types)


def _batches(sequences: Sequence[ParitySequence]) -> Iterator[list[int]]:
    """Yield each row alone, then rows of unlike lengths together in batches of several sizes."""
    for row in range(len(sequences)):
        yield [row]
    for size in _BATCHES:
        for start in range(0, len(sequences), size):
            rows = [(start + step) % len(sequences) for step in range(size)]
            longest = max(len(sequences[row].ids) for row in rows)
            if longest * size <= _BATCH_TOKENS:
                yield rows
