import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.checkpoints import TINY, config_of
from export.config import Activation, AlbertConfig, parse_config
from export.errors import ExportRefusedError
from model_directory.manifest import ProblemType


def fields(labels: tuple[str, ...] | None = ("no", "yes"), **changes: Any) -> dict[str, Any]:
    return config_of(TINY, labels, None) | changes


def parse(content: dict[str, Any]) -> AlbertConfig:
    return parse_config(json.dumps(content).encode())


def test_the_figures_are_those_of_the_file() -> None:
    config = parse(fields())
    assert (config.hidden_size, config.num_attention_heads, config.head_size) == (32, 4, 8)
    assert config.labels == ("no", "yes")
    assert not config.is_question_answering


def test_absent_figures_have_the_defaults_of_transformers() -> None:
    config = parse({"model_type": "albert", "architectures": ["AlbertForQuestionAnswering"]})
    assert (config.hidden_size, config.embedding_size, config.num_attention_heads) == (
        4096,
        128,
        64,
    )
    assert config.hidden_act == "gelu_new"
    assert config.is_question_answering


def test_labels_come_in_the_order_of_their_numbers() -> None:
    names = {str(index): f"label {index}" for index in (10, *range(10))}
    assert parse(fields(id2label=names)).labels[-1] == "label 10"


def test_without_names_labels_are_numbered_as_transformers_does() -> None:
    content = fields()
    del content["id2label"]
    assert parse(content).labels == ("LABEL_0", "LABEL_1")
    assert parse(content | {"num_labels": 3}).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


@pytest.mark.parametrize(
    ("labels", "declared", "inferred"),
    [
        (("a", "b"), None, ProblemType.SINGLE_LABEL),
        (("a", "b"), "multi_label_classification", ProblemType.MULTI_LABEL),
        (("a",), "regression", ProblemType.REGRESSION),
        (("a", "b"), "regression", ProblemType.REGRESSION),
        (("a",), None, ProblemType.MULTI_LABEL),  # the pipeline applies a sigmoid
    ],
)
def test_logits_are_read_as_the_pipeline_of_transformers_reads_them(
    labels: tuple[str, ...], declared: str | None, inferred: ProblemType
) -> None:
    assert parse(fields(labels, problem_type=declared)).inferred_problem_type is inferred


@pytest.mark.parametrize(
    ("name", "activation"),
    [
        ("gelu", Activation.GELU),
        ("gelu_new", Activation.GELU_TANH),
        ("gelu_pytorch_tanh", Activation.GELU_TANH),
        ("relu", Activation.RELU),
        ("swish", Activation.SILU),
        ("tanh", Activation.TANH),
    ],
)
def test_names_of_one_function_are_one_activation(name: str, activation: Activation) -> None:
    assert parse(fields(hidden_act=name)).activation is activation


def test_layers_fall_to_groups_as_in_transformers() -> None:
    config = parse(fields(num_hidden_layers=7, num_hidden_groups=3))
    assert [config.group_of_layer(layer) for layer in range(7)] == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_type": "bert"}, "model_type is 'bert', only 'albert' can be exported"),
        ({"architectures": ["AlbertForMaskedLM"]}, "AlbertForMaskedLM is neither"),
        ({"architectures": []}, "architectures"),
        ({"architectures": ["AlbertModel"] * 2}, "architectures"),
        ({"architectures": None}, "architectures"),
        ({"hidden_act": "mish"}, "hidden_act is 'mish'"),
        ({"hidden_act": 3}, "hidden_act"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is '1000000000'"),
        ({"num_hidden_layers": 0}, "num_hidden_layers"),
        ({"num_hidden_layers": -1}, "num_hidden_layers"),
        ({"num_hidden_layers": "12"}, "num_hidden_layers"),
        ({"num_hidden_layers": 2.5}, "num_hidden_layers"),
        ({"num_hidden_groups": 4}, "num_hidden_groups is larger"),
        ({"num_attention_heads": 5}, "hidden_size 32 is not a multiple"),
        ({"type_vocab_size": 1}, "type_vocab_size"),
        ({"max_position_embeddings": 10**12}, "max_position_embeddings"),
        ({"layer_norm_eps": 0}, "layer_norm_eps"),
        ({"layer_norm_eps": "1e-12"}, "layer_norm_eps"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"pad_token_id": 160}, "pad_token_id is not below"),
        ({"problem_type": "ranking"}, "problem_type"),
        ({"id2label": {}}, "id2label has 0 labels"),
        ({"id2label": {"0": "a", "2": "b"}}, "keys of id2label"),
        ({"id2label": {"0": "a", "1": "a"}}, "names a label twice"),
        ({"id2label": {"0": "a", "1": " "}}, "label ' ' is empty"),
        ({"id2label": {"0": "a", "1": "b\nc"}}, "not printable"),
        ({"id2label": {"0": "a", "1": "x" * 300}}, "too long"),
        ({"id2label": {"0": "a", "1": 7}}, "id2label.1"),
        ({"id2label": ["a", "b"]}, "id2label"),
        ({"num_labels": 3}, "num_labels is 3, id2label has 2"),
        (
            {"id2label": {"0": "a"}, "problem_type": "single_label_classification"},
            "needs more than one label",
        ),
    ],
)
def test_a_config_that_cannot_be_exported_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ExportRefusedError) as caught:
        parse(fields(**changes))
    message = str(caught.value)
    assert message.startswith("config.json: ")
    assert reason in message
    assert "\n" not in message


XXLARGE = {
    "vocab_size": 30_000,
    "hidden_size": 4096,
    "intermediate_size": 16_384,
    "num_attention_heads": 64,
    "num_hidden_layers": 12,
}


@pytest.mark.parametrize(
    "changes",
    [
        XXLARGE | {"max_position_embeddings": 512},
        XXLARGE | {"max_position_embeddings": 2048},
        {"num_hidden_layers": 48, "hidden_size": 1024, "num_attention_heads": 16},
        {"max_position_embeddings": 4096, "hidden_size": 768, "num_attention_heads": 12},
    ],
)
def test_the_largest_models_there_are_can_be_exported(changes: dict[str, Any]) -> None:
    parse(fields(**changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (XXLARGE | {"num_hidden_layers": 256}, "2e+10 multiplications"),
        ({"hidden_size": 65_536, "num_attention_heads": 64}, "2e+10 multiplications"),
        ({"max_position_embeddings": 131_072}, "1 GiB of attention scores"),
        (
            {"hidden_size": 1024, "num_attention_heads": 1024, "max_position_embeddings": 1024},
            "1 GiB of attention scores",
        ),
        (
            {
                "num_hidden_layers": 256,
                "intermediate_size": 32_768,
                "max_position_embeddings": 1024,
            },
            "activations for 1024 tokens",
        ),
        (
            {"num_hidden_layers": 256, "inner_group_num": 64, "max_position_embeddings": 1024},
            "activations for 1024 tokens",
        ),
    ],
)
def test_a_few_weights_that_cost_hours_or_gigabytes_are_refused(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ExportRefusedError) as caught:
        parse(fields(**changes))
    assert reason in str(caught.value)


@pytest.mark.parametrize("field", ["architectures", "hidden_act", "model_type", "id2label"])
def test_what_a_config_says_is_quoted_shortly(field: str) -> None:
    text = "a\n\x1b[31m" * 10**5
    value = {"architectures": [text], "id2label": {"0": text, "1": "b"}}.get(field, text)
    with pytest.raises(ExportRefusedError) as caught:
        parse(fields(**{field: value}))
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


def test_a_config_without_a_model_type_is_refused() -> None:
    with pytest.raises(ExportRefusedError, match="not an ALBERT checkpoint"):
        parse({"architectures": ["AlbertForQuestionAnswering"]})


@pytest.mark.parametrize(
    "content",
    [
        b'{"model_type": "bert", "model_type": "albert"}',
        b'{"model_type": "albert", "id2label": {"0": "a", "0": "b"}}',
        b'{"num_hidden_layers": 1' + b"0" * 5_000 + b"}",
    ],
)
def test_a_config_that_can_be_read_in_two_ways_is_refused(content: bytes) -> None:
    with pytest.raises(ExportRefusedError, match=r"config\.json is not valid JSON, or has a key"):
        parse_config(content)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 10**5, b"null", b"1"])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(ExportRefusedError, match=r"config\.json"):
        parse_config(content)


@given(
    st.sampled_from(sorted(fields())),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each),
        max_leaves=4,
    ),
)
def test_any_value_in_any_field_parses_or_is_refused(field: str, value: object) -> None:
    try:
        config = parse(fields() | {field: value})
    except ExportRefusedError:
        return
    assert config.hidden_size % config.num_attention_heads == 0
    assert len(config.labels) >= 1
