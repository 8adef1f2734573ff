"""Ends exports with SIGKILL at each step, and runs two at once: what is served is always whole."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from model_directory.catalogue import list_models
from model_directory.integrity import open_version

REPOSITORY = Path(__file__).parents[2]

# Exports once for each step in a child of its own, which dies at that step: at the beginning of
# each stage, and before each change that it makes in the models directory. Prints how each ended.
_DYING = """
import os, signal, sys
from pathlib import Path
from export.exporter import ExportRequest, export_checkpoint

checkpoint, root = Path(sys.argv[1]), sys.argv[2]
CHANGES = {"open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.rmtree"}

def export(step):
    models, left = os.path.join(root, str(step), "models"), [step]

    def count():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    fsync = os.fsync
    os.fsync = lambda handle: (count(), fsync(handle), count())
    sys.addaudithook(
        lambda event, arguments: count()
        if event in CHANGES and str(arguments[0]).startswith(models)
        else None
    )
    stages = []
    def progress(stage, done=0, of=0):
        if stage not in stages:
            stages.append(stage)
            count()
    export_checkpoint(ExportRequest(checkpoint, "polarity", Path(models)), progress)

step = 0
while True:
    step += 1
    child = os.fork()
    if not child:
        export(step)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(step, os.waitstatus_to_exitcode(status), flush=True)
    if status == 0:
        break
"""


def test_an_export_that_is_killed_at_any_step_leaves_nothing_that_is_not_whole(
    checkpoint: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DYING, str(checkpoint), str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    ends = dict(map(int, line.split()) for line in done.stdout.splitlines())
    assert len(ends) > 20, done.stderr
    assert ends.popitem() == (len(ends) + 1, 0)
    assert set(ends.values()) == {-signal.SIGKILL}
    whole = 0
    for step in ends:
        models = tmp_path / str(step) / "models"
        served = list_models(models) if models.exists() else ()
        for entry in served:
            open_version(entry.directory)
        whole += len(served)
        visible = [path for path in models.glob("*/*") if not path.name.startswith(".")]
        assert len(visible) == len(served)
    assert 0 < whole < len(ends)  # some died behind the rename, most before


def test_of_two_exports_at_once_one_wins_and_the_other_is_told(
    checkpoint: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "export", str(checkpoint), "--name", "p", "--version", "1"]
    processes = [
        subprocess.Popen(
            [*command, "--output", str(tmp_path), "--source", name],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    told = {process.communicate()[1].splitlines()[-1]: process.returncode for process in processes}
    assert sorted(told.values()) == [0, 1]
    loser = next(line for line, status in told.items() if status == 1)
    assert loser.endswith("p/1 exists already: a version is never overwritten")
    open_version(tmp_path / "p" / "1")
    assert os.listdir(tmp_path / "p") == ["1"]


def test_what_a_killed_export_left_is_in_nobodys_way(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "p" / ".1-0123456789abcdef.partial").mkdir(parents=True)
    shutil.copy(checkpoint / "config.json", tmp_path / "p" / ".1-0123456789abcdef.partial")
    command = [sys.executable, "-m", "export", str(checkpoint), "--name", "p"]
    subprocess.run(
        [*command, "--output", str(tmp_path)], cwd=REPOSITORY, check=True, capture_output=True
    )
    assert [entry.version for entry in list_models(tmp_path)] == [1]
