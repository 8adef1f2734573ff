"""Why an input cannot be answered."""


class InputError(Exception):
    """An input that the task refuses: which one, which part of it, what is wrong and what is
    allowed.

    ``index`` counts the inputs of the request from 0; ``field`` is a key of the input, or a key of
    the parameters when ``index`` is None.
    """

    def __init__(self, message: str, *, field: str, index: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.index = index
