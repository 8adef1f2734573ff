"""Tells a panic of a library in Rust from what ends the process."""


def is_panic(error: BaseException) -> bool:
    """Whether ``error`` is a panic of a library in Rust, such as tokenizers: PyO3 does not count it
    among the Exceptions, and cannot be asked for its class.
    """
    return type(error).__name__ == "PanicException"
