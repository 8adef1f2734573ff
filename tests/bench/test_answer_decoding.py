from bench.answer_decoding import document, measure, request
from tests.end_to_end.conftest import DEFAULT_MODELS
from training.in_process import open_model


def test_documents_have_as_many_windows_as_asked_and_are_decoded_that_often():
    model = open_model(DEFAULT_MODELS / "question-answering" / "1")
    for windows in (1, 5):
        asked = request(document(model, windows))
        assert len(model.task.prepare(asked).sequences) == windows
    taken = measure(model, asked, repeats=3)
    assert len(taken) == 3
    assert min(taken) > 0
