"""Why there is no answer, in one sentence."""


class AskError(Exception):
    """What went wrong outside of this program: the service, a file."""


class UsageError(Exception):
    """Arguments that do not go together."""
