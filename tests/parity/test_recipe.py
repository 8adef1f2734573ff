from pathlib import Path

import pytest

from training.recipe import CONFIGS, load_recipe


@pytest.mark.parametrize("config", sorted(one.stem for one in CONFIGS.glob("*.toml")))
def test_every_committed_recipe_can_be_read(config: str) -> None:
    recipe = load_recipe(config, threads=1)
    assert set(recipe.models) == {"question-answering", "intents", "topics", "sentiment"}
    assert recipe.widths["hidden_size"] % recipe.widths["num_attention_heads"] == 0
    assert recipe.pretraining.tokens > recipe.pretraining.tokens_a_step


def test_a_config_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="one of cpu, gpu"):
        load_recipe("tpu", threads=1)


def test_a_misspelt_entry_is_named(tmp_path: Path) -> None:
    text = (CONFIGS / "cpu.toml").read_text().replace("masked_rows", "masked_row")
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match="masked_row"):
        load_recipe(str(path), threads=1)
