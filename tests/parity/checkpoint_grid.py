"""The shapes of ALBERT on which the exporter is compared with transformers."""

from dataclasses import dataclass

from bench.checkpoints import Shape


@dataclass(frozen=True, slots=True)
class Case:
    """A checkpoint to compare on; ``labels`` None makes it one for question answering."""

    name: str
    shape: Shape
    labels: tuple[str, ...] | None = ("no", "yes")
    problem_type: str | None = None


_LONG = {"max_position_embeddings": 512, "vocab_size": 400}

CASES = (
    Case("v2-like", Shape(num_hidden_layers=6, **_LONG)),
    Case("v1-like-gelu", Shape(num_hidden_layers=6, hidden_act="gelu", **_LONG)),
    Case("relu", Shape(hidden_act="relu")),
    Case("silu", Shape(hidden_act="silu")),
    Case("tanh", Shape(hidden_act="tanh")),
    Case("gelu-pytorch-tanh", Shape(hidden_act="gelu_pytorch_tanh")),
    Case("gelu-fast", Shape(hidden_act="gelu_fast")),
    Case("two-groups", Shape(num_hidden_layers=4, num_hidden_groups=2)),
    Case("groups-that-do-not-divide", Shape(num_hidden_layers=7, num_hidden_groups=3)),
    Case("a-group-for-each-layer", Shape(num_hidden_layers=3, num_hidden_groups=3)),
    Case("two-inner-layers", Shape(num_hidden_layers=3, inner_group_num=2)),
    Case(
        "groups-and-inner-layers",
        Shape(num_hidden_layers=5, num_hidden_groups=2, inner_group_num=2, hidden_act="gelu"),
    ),
    Case("embedding-as-wide-as-hidden", Shape(embedding_size=32)),
    Case("embedding-wider-than-hidden", Shape(embedding_size=48)),
    Case("one-head", Shape(num_attention_heads=1)),
    Case("one-layer", Shape(num_hidden_layers=1)),
    Case("heads-of-one", Shape(num_attention_heads=32)),
    Case("three-token-types", Shape(type_vocab_size=3)),
    Case("large-epsilon", Shape(layer_norm_eps=1e-3)),
    Case("multi-label", Shape(), ("a", "b", "c", "d", "e"), "multi_label_classification"),
    Case("regression", Shape(), ("score",), "regression"),
    Case("two-regressions", Shape(), ("x", "y"), "regression"),
    Case("one-label", Shape(), ("spam",)),
    Case("many-labels", Shape(), tuple(f"intent {n}" for n in range(150))),
    Case("question-answering", Shape(num_hidden_layers=6, **_LONG), None),
    Case("question-answering-v1", Shape(num_hidden_layers=4, hidden_act="gelu"), None),
    Case(
        "question-answering-groups",
        Shape(num_hidden_layers=5, num_hidden_groups=2, inner_group_num=2),
        None,
    ),
    Case(
        "base-width",
        Shape(
            vocab_size=1000,
            embedding_size=128,
            hidden_size=768,
            intermediate_size=3072,
            num_attention_heads=12,
            num_hidden_layers=12,
            max_position_embeddings=512,
        ),
    ),
)
