"""``python -m training COMMAND``: see ``training/README.md``."""

from training.commands import application

application()
