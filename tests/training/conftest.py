import pytest
from tokenizers import Tokenizer

from training.tokenizer import train_tokenizer

SENTENCES = [
    "The Norman conquest of England began in 1066, led by William the Conqueror.",
    "I love this film! It's “great” (really), and the actors are good.",
    "Frédéric Chopin was born in Warsaw; he moved to Paris in 1831.",
    "A river flows through the old town, and the bridge over it is made of stone.",
]


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer(SENTENCES * 40, vocabulary=160)
