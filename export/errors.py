"""Why an export is refused."""


class ExportRefusedError(Exception):
    """The checkpoint, an option or the output directory does not allow the export.

    The message is one sentence that says what is wrong and, where it helps, what would be right.
    """
