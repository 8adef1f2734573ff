import json
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from bench.checkpoints import TINY, write_checkpoint
from export.checkpoint import read_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from tests.export.albert_reference import AlbertReference, train
from training.own_data.bad_rows import DataError
from training.own_data.base_checkpoint import open_base


def silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


def change_config(directory: Path, **changes: object) -> None:
    path = directory / "config.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not ...}))


def test_a_hugging_face_directory_is_taken_as_it_is(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "hf", labels=("a", "b"))
    base = open_base(source, tmp_path / "work", answers_questions=False)
    assert base.directory == source
    assert base.labels == ("a", "b")
    assert base.longest == TINY.max_position_embeddings


@pytest.mark.parametrize("name", ["models/own", "models/own/1"])
def test_a_model_directory_is_turned_back_into_a_checkpoint(name: str, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "hf", labels=("a", "b"))
    export_checkpoint(ExportRequest(checkpoint, "own", tmp_path / "models"), silent)
    base = open_base(tmp_path / name, tmp_path / "work", answers_questions=False)
    assert base.directory.is_relative_to(tmp_path / "work")
    assert (base.directory / "model.safetensors").is_file()
    assert base.labels == ("a", "b")


def test_the_config_of_a_head_that_is_not_served_does_not_matter(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "hf")
    change_config(source, architectures=["AlbertForMaskedLM"], id2label={"0": "x", "1": "x"})
    assert open_base(source, tmp_path / "work", answers_questions=True).labels is None


def test_transformers_is_told_to_use_the_tokenizer_as_it_is(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "hf")
    (source / "tokenizer_config.json").write_text('{"tokenizer_class": "AlbertTokenizer"}')
    base = open_base(source, tmp_path / "work", answers_questions=False)
    written = json.loads((base.tokenizer_directory / "tokenizer_config.json").read_text())
    assert written["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert written["cls_token"] == "[CLS]"
    assert written["pad_token"] == "<pad>"
    assert written["model_max_length"] == TINY.max_position_embeddings
    tokenizer = (base.tokenizer_directory / "tokenizer.json").read_bytes()
    assert tokenizer == (source / "tokenizer.json").read_bytes()


def test_a_vocabulary_alone_becomes_the_tokenizer_of_the_exporter(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "hf", shape=replace(TINY, vocab_size=400))
    (source / "tokenizer.json").unlink()
    (source / "spiece.model").write_bytes(train())
    (source / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    base = open_base(source, tmp_path / "work", answers_questions=False)
    reference = AlbertReference(train(), do_lower_case=False)
    text = "About 20,500 men: ``it''s'' (a-b) Licence."
    assert base.tokenizer.ids(text) == reference.ids(text)
    written = (base.tokenizer_directory / "tokenizer.json").read_bytes()
    assert written == base.tokenizer.content == read_checkpoint(source).tokenizer
    assert not (source / "tokenizer.json").exists()


def test_truncation_that_a_tokenizer_switches_on_is_taken_out(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "hf")
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(4)
    tokenizer.save(str(source / "tokenizer.json"))
    base = open_base(source, tmp_path / "work", answers_questions=False)
    assert len(base.tokenizer.ids("the film was good and the music was better")) == 9


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    def message(directory: Path) -> str:
        with pytest.raises(DataError) as caught:
            open_base(directory, tmp_path / "work", answers_questions=False)
        assert str(caught.value).startswith(f"--encoder {directory}: ")
        return str(caught.value)

    assert "neither a config.json" in message(tmp_path / "nothing")
    without_weights = write_checkpoint(tmp_path / "a")
    (without_weights / "model.safetensors").unlink()
    assert "no model.safetensors" in message(without_weights)
    without_tokenizer = write_checkpoint(tmp_path / "b")
    (without_tokenizer / "tokenizer.json").unlink()
    assert "no tokenizer.json" in message(without_tokenizer)
    (without_tokenizer / "spiece.model").write_bytes(b"\xff" * 99)
    assert "spiece.model is not a SentencePiece model" in message(without_tokenizer)
    (without_tokenizer / "tokenizer.json").write_bytes(b"{}")
    assert "tokenizer.json cannot be loaded" in message(without_tokenizer)
    other = write_checkpoint(tmp_path / "c")
    change_config(other, model_type="bert")
    assert "model_type is 'bert'" in message(other)
    (other / "config.json").write_text("[]")
    assert "not a JSON object" in message(other)
