"""Asks the pipeline of transformers 5.2.0, and writes its answers into the golden files.

    python -m tests.pipeline                # questions over this project's own texts
    python -m tests.pipeline --data DATA    # and over the data sets in DATA/qa/*.jsonl.xz

Needs ``requirements/pipeline.txt`` and torch; ``make golden`` installs both. Stopped and started
again it goes on where it was. A file whose answers are the same is left as it is: another processor
rounds the scores otherwise.
"""

import argparse
import hashlib
from pathlib import Path

from tests.pipeline.asking import MODEL, Asking, check_release
from tests.pipeline.data_sets import data_sets
from tests.pipeline.golden import DATA_SETS, OWN_TEXTS, score_change, write
from tests.pipeline.own_texts import own_texts

UNFINISHED = Path(__file__).parents[2] / ".golden"
"""Answers of runs that did not come to their end."""
ROUNDING = 1e-5
"""A tenth of what the service may be off. On a second machine scores moved by 3e-6 at most."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.pipeline", description=__doc__)
    parser.add_argument("--data", type=Path, help="the data sets of training/README.md, too")
    arguments = parser.parse_args()
    check_release()
    sets = {OWN_TEXTS: own_texts()}
    if arguments.data is not None:
        sets[DATA_SETS] = data_sets(arguments.data)
    model = hashlib.sha256((MODEL / "manifest.json").read_bytes()).hexdigest()[:16]
    for file, questions in sets.items():
        print(f"{file.name}: {len(questions)} questions", flush=True)
        asking = Asking(UNFINISHED / f"{file.name.partition('.')[0]}-{model}.jsonl")
        cases = asking.golden(questions)
        change = score_change(file, cases)
        if change is not None and change <= ROUNDING:
            print(f"{file.name}: the same answers, scores to {change:.1e}; left as it is")
        else:
            write(file, cases, with_texts=file == OWN_TEXTS)
            print(f"{file.name}: written anew with {len(cases)} answered questions")
        asking.forget()


if __name__ == "__main__":
    main()
