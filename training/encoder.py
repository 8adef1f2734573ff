"""The encoder that all default models share, and how its weights start."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AlbertConfig, AlbertModel
from transformers.models.albert.modeling_albert import AlbertMLMHead

from training.tokenizer import CLS, PAD, SEP, VOCABULARY

SERVED_ACTIVATION = "gelu_new"
TRAINED_ACTIVATION = "gelu_pytorch_tanh"
ATTENTION = "eager"
"""On two cores a step took 0.55 s with it and 0.65 to 0.71 s with "sdpa" (32 x 128 tokens)."""
WORD_WIDTH = 97
POSITION_AMPLITUDE = 0.08
TYPE_VALUE = 0.22
NOISE = 0.01
MATCHING_SCALE = 0.11
ACROSS_SCALE = 1.0
NEAR_SCALE = 1.2
LOOKS_ASIDE_TOKENS = 2.0


def encoder_config(**changes: object) -> AlbertConfig:
    """A configuration of ALBERT; ``changes`` name its sizes (`recipe`).

    Trained with PyTorch's fused form of the same activation that ``gelu_new`` names; dropout is
    off, because the budget is far below one pass over the data.
    """
    settings = {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 512,
        "hidden_act": TRAINED_ACTIVATION,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout_prob": 0.1,
        "pad_token_id": PAD,
        "bos_token_id": CLS,
        "eos_token_id": SEP,
        "initializer_range": 0.05,
        "num_hidden_groups": 1,
        "inner_group_num": 1,
        **changes,
    }
    return AlbertConfig(**settings, attn_implementation=ATTENTION)


class PretrainingModel(nn.Module):
    """The encoder with one head for each pretraining task.

    - ``predictions``: the vocabulary, for masked positions only
    - ``sop_classifier``: whether two segments are in their order
    - ``qa_outputs``: start and end of the answer to a cloze question
    """

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.albert = AlbertModel(config)
        self.predictions = AlbertMLMHead(config)
        self.sop_classifier = nn.Linear(config.hidden_size, 2)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.predictions.decoder.weight = self.albert.embeddings.word_embeddings.weight

    def forward(
        self, input_ids: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states [rows, length, hidden] and pooled [rows, hidden] of unpadded int64 rows."""
        output = self.albert(input_ids=input_ids, token_type_ids=token_type_ids)
        return output.last_hidden_state, output.pooler_output


@torch.no_grad()
def warm_start(model: PretrainingModel, words: np.ndarray, frequencies: np.ndarray) -> None:
    """Starts the weights where counting and known good shapes put them, before any gradient.

    ``words``: float32 [vocabulary, `WORD_WIDTH`], see `cooccurrence`. ``frequencies``:
    [vocabulary], how often each piece occurs; its logarithm is the vocabulary head's first guess.

    The embedding's columns begin as word, position and type, side by side, and the attention heads
    begin as what two texts are aligned with: half of them look from a token at tokens like it in
    the other segment, half at the neighbours (compare Trockman & Kolter 2023, mimetic
    initialisation). All of it is trained on from there; without it, the few million tokens that
    two cores can afford end before attention has formed.
    """
    config = model.albert.config
    embeddings = model.albert.embeddings
    width, hidden = config.embedding_size, config.hidden_size
    position, kind = slice(WORD_WIDTH, width - 1), width - 1
    for weight in (
        embeddings.word_embeddings.weight,
        embeddings.position_embeddings.weight,
        embeddings.token_type_embeddings.weight,
    ):
        weight.normal_(std=NOISE)
    embeddings.word_embeddings.weight[:, :WORD_WIDTH] = torch.from_numpy(words)
    codes = sinusoids(config.max_position_embeddings, width - 1 - WORD_WIDTH)
    embeddings.position_embeddings.weight[:, position] = POSITION_AMPLITUDE * codes
    embeddings.token_type_embeddings.weight[:, kind] = torch.tensor([TYPE_VALUE, -TYPE_VALUE])
    mapping = model.albert.encoder.embedding_hidden_mapping_in
    nn.init.orthogonal_(mapping.weight, gain=(hidden / width) ** 0.5)
    _start_heads(model, mapping.weight / (hidden / width), position, kind)
    share = torch.from_numpy((frequencies + 1) / (frequencies + 1).sum())
    model.predictions.bias.copy_(share.log().float())
    model.predictions.decoder.bias.copy_(model.predictions.bias)


def _start_heads(
    model: PretrainingModel, embedding_of: torch.Tensor, position: slice, kind: int
) -> None:
    """Query and key matrices. ``embedding_of`` [hidden, embedding] leads back to embeddings."""
    config = model.albert.config
    attention = model.albert.encoder.albert_layer_groups[0].albert_layers[0].attention
    heads, size = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    for head in range(heads):
        rows = slice(head * size, (head + 1) * size)
        query = torch.zeros(size, config.embedding_size)
        key = torch.zeros(size, config.embedding_size)
        if head < heads // 2:
            query[:, :WORD_WIDTH] = MATCHING_SCALE * torch.randn(size, WORD_WIDTH)
            key[:] = query
            across = nn.functional.normalize(torch.randn(size), dim=0)
            query[:, kind], key[:, kind] = ACROSS_SCALE * across, -ACROSS_SCALE * across
        else:
            offset = LOOKS_ASIDE_TOKENS if head % 2 else -LOOKS_ASIDE_TOKENS
            turn = rotation(offset, position.stop - position.start)
            query[: turn.shape[0], position] = NEAR_SCALE * turn
            key[: turn.shape[0], position] = NEAR_SCALE * torch.eye(turn.shape[0])
        attention.query.weight[rows] = query @ embedding_of.T
        attention.key.weight[rows] = key @ embedding_of.T


def _rates(width: int) -> torch.Tensor:
    return torch.logspace(0, -2.5, (width + 1) // 2)


def sinusoids(positions: int, width: int) -> torch.Tensor:
    """Sine and cosine position codes, float32 [positions, width], of unit amplitude."""
    angle = torch.arange(positions, dtype=torch.float32)[:, None] * _rates(width)
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=2).flatten(1)[:, :width]


def rotation(offset: float, width: int) -> torch.Tensor:
    """The matrix [width, width] that turns the code of a position into that of ``offset`` later."""
    turn = torch.eye(width)
    for number, rate in enumerate(_rates(width)[: width // 2]):
        place, angle = 2 * number, float(rate) * offset
        cosine, sine = np.cos(angle), np.sin(angle)
        turn[place : place + 2, place : place + 2] = torch.tensor([[cosine, sine], [-sine, cosine]])
    return turn


def save_encoder(model: PretrainingModel, tokenizer_directory: Path, directory: Path) -> None:
    """Writes the encoder alone as a standard checkpoint directory, the cloze head beside it."""
    model.albert.config.hidden_act = SERVED_ACTIVATION
    model.albert.save_pretrained(directory)
    model.albert.config.hidden_act = TRAINED_ACTIVATION
    torch.save(model.qa_outputs.state_dict(), directory / "qa_outputs.pt")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).write_bytes((tokenizer_directory / name).read_bytes())
