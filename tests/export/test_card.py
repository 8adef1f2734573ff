import pytest

from export.card import write_card
from tests.model_directory.version_directory import manifest_of

FIGURE = {"dataset": "SST-2 dev", "metric": "accuracy", "value": 0.9012, "examples": 872}


def test_a_card_states_facts_and_that_nothing_was_measured() -> None:
    card = write_card(manifest_of(licence="Apache-2.0"), None)
    assert card.startswith("# polarity, version 1\n")
    assert "| labels | NEGATIVE, POSITIVE |" in card
    assert "| licence | Apache-2.0 |" in card
    assert "within 1.0e-06 of the float64 reference" in card
    assert "No accuracy was measured on this file." in card
    assert card.endswith("measure it on texts of your own before you rely on it.\n")


def test_a_card_shows_measured_figures_and_its_authors_words() -> None:
    card = write_card(manifest_of(evaluation=[FIGURE]), "## Use\n\nFor reviews.\n\n")
    assert "| SST-2 dev | accuracy | 0.9012 | 872 |" in card
    assert "Source:" not in card
    assert "No accuracy" not in card
    assert card.endswith("## Use\n\nFor reviews.\n")


def test_figures_of_one_source_share_a_table_and_the_source_is_said_once() -> None:
    figures = [
        FIGURE | {"source": "one | set"},
        FIGURE | {"source": "one | set", "metric": "F1"},
        FIGURE | {"source": "another"},
    ]
    card = write_card(manifest_of(evaluation=figures), None)
    assert card.count("| data set | metric | value | examples |") == 2
    assert card.count("\n\nSource: one \\| set\n") == 1
    first, second = card.index("| F1 |"), card.index("Source: one")
    assert card.index("| accuracy |") < first < second < card.index("Source: another")


def test_a_question_answering_card_has_no_labels() -> None:
    manifest = manifest_of(task="question-answering", labels=[], problem_type=None)
    assert "| labels" not in write_card(manifest, None)


def test_many_labels_are_counted_and_not_listed() -> None:
    labels = [f"label {number}" for number in range(21)]
    card = write_card(manifest_of(labels=labels), None)
    assert f"| labels | {', '.join(labels[:8])} and 13 more, in manifest.json |" in card
    card = write_card(manifest_of(labels=labels[:20]), None)
    assert f"| labels | {', '.join(labels[:20])} |" in card


@pytest.mark.parametrize(
    ("layers", "groups", "said"),
    [
        (1, 1, "1 layer"),
        (6, 1, "6 layers that share one set of weights"),
        (7, 3, "7 layers that share 3 sets of weights"),
        (3, 3, "3 layers, each with weights of its own"),
    ],
)
def test_a_card_says_how_many_layers_share_weights(layers: int, groups: int, said: str) -> None:
    manifest = manifest_of()
    shape = {"num_hidden_layers": layers, "num_hidden_groups": groups}
    architecture = manifest.architecture.model_copy(update=shape)
    card = write_card(manifest.model_copy(update={"architecture": architecture}), None)
    assert f"| architecture | ALBERT, {said}, hidden " in card


def test_text_cannot_break_out_of_a_table() -> None:
    card = write_card(manifest_of(source="a | b\n# c", labels=["x|y", "z"]), None)
    assert "| source | a \\| b # c |" in card
    assert "| labels | x\\|y, z |" in card


INT8 = {
    "precision": "int8",
    "agreement": {"texts": 64, "agreement": 0.984375, "mean_drift": 0.004, "max_drift": 0.03},
    "quantisation": {
        "rounding": {"embeddings": "static", "dense": "static", "ffn": "fp32"},
        "calibration": "mine.txt",
        "calibration_texts": 64,
    },
    "speed": [
        {"batch": 1, "tokens": 32, "milliseconds": 1.25, "fp32_milliseconds": 5, "processor": "P"}
    ],
}


def test_an_int8_card_says_how_it_was_made_and_what_that_did() -> None:
    card = write_card(manifest_of(**INT8), None)
    assert "| parity | fp32 logits within 1.0e-06 of the float64 reference" in card
    assert "| beside fp32 | agreement 98.4%, drift 0.0040 on average and 0.030 at most over" in card
    assert "| rounding | static: embeddings, dense; fp32: ffn |" in card
    assert "| calibrated on | 64 of mine.txt |" in card
    assert (
        "| speed | 1 x 32 tokens in 1.25 ms, 4.00 times as fast as fp32 (5 ms), one thread of P |"
    ) in card


def test_an_fp16_card_says_how_near_it_is_to_fp32() -> None:
    card = write_card(manifest_of(precision="fp16", agreement=INT8["agreement"]), None)
    assert ", fp16 |" in card
    assert "| parity | fp32 logits within 1.0e-06 of the float64 reference" in card
    assert "| beside fp32 | agreement 98.4%" in card
    assert "rounding" not in card
