"""What a specification takes, and what its refusals say."""

import pytest

from service.tensors.tensor import ANY, Datatype, TensorError, TensorSpec

TEXT = TensorSpec("text", Datatype.BYTES, (ANY, 1), (8, 1))
IDS = TensorSpec("input_ids", Datatype.INT64, (ANY, ANY), (8, 64))


@pytest.mark.parametrize("shape", [[1, 1], [8, 1], [1], [8]])
def test_a_last_dimension_of_one_may_be_left_out(shape):
    TEXT.check("BYTES", shape)


@pytest.mark.parametrize("shape", [[1, 1], [8, 64], [3, 7]])
def test_any_size_up_to_the_most_is_taken(shape):
    IDS.check("INT64", shape)


@pytest.mark.parametrize(
    ("spec", "datatype", "shape", "message"),
    [
        (TEXT, "FP32", [1, 1], "The datatype is FP32 and must be BYTES."),
        (TEXT, "x" * 1000, [1, 1], "…"),
        (TEXT, "BYTES", [1, 2], "The shape is [1, 2] and must be [-1, 1] or [-1]."),
        (TEXT, "BYTES", [1, 1, 1], "The shape is [1, 1, 1] and must be [-1, 1] or [-1]."),
        (TEXT, "BYTES", [0, 1], "The shape is [0, 1] and may be [1 to 8, 1 to 1]."),
        (TEXT, "BYTES", [9], "The shape is [9] and may be [1 to 8]."),
        (IDS, "INT64", [8], "The shape is [8] and must be [-1, -1]."),
        (IDS, "INT64", [2, 65], "The shape is [2, 65] and may be [1 to 8, 1 to 64]."),
        (IDS, "INT64", [2**62, 2**62], "may be [1 to 8, 1 to 64]."),
    ],
)
def test_a_refusal_says_what_is_and_what_may_be(spec, datatype, shape, message):
    with pytest.raises(TensorError) as refused:
        spec.check(datatype, shape)
    assert message in refused.value.message
    assert len(refused.value.message) < 200
