import json
import subprocess
import sys

from bench.page import BEGIN, END
from bench.plan import QUICK
from bench.repository import ROOT


def test_the_quick_run_measures_everything_and_writes_it_down(tmp_path):
    page, output, models = tmp_path / "page.md", tmp_path / "raw.json", tmp_path / "models"
    page.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    models.mkdir()
    command = [sys.executable, "-m", "bench", "--quick", "--models", str(models)]
    finished = subprocess.run(
        [*command, "--output", str(output), "--page", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    results = json.loads(output.read_text(encoding="utf-8"))["results"]
    rounds = results["throughput"]["rounds"]
    assert len(rounds) == len(results["latency"]) == QUICK.rounds
    assert all(len(each["http"]["latencies"]) == QUICK.texts for each in rounds)
    assert all(len(each["schemes"]) == 5 for each in rounds)
    assert all(speed > 0 for each in rounds for speed in each["schemes"].values())
    assert results["throughput"]["real_tokens"] == QUICK.rounds * sum(QUICK.mix.sample(QUICK.texts))
    assert results["subject_start"]["memory"]["resident_bytes"] > 0
    assert results["default_starts"] is None
    assert "skipped" in page.read_text(encoding="utf-8")
    assert "HTTP over the best" in finished.stdout
