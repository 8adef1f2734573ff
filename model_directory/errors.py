"""Why a model directory is refused."""


class ModelDirectoryError(Exception):
    """A model directory is not whole, not what its manifest says, or not safe to load.

    The message is one sentence.
    """
