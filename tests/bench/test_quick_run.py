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
    assert len(results["latency"]) == QUICK.rounds
    for throughput, load in zip(results["throughputs"], QUICK.loads, strict=True):
        check_throughput(throughput, load)
    assert results["subject_start"]["memory"]["resident_bytes"] > 0
    assert results["default_starts"] is None
    assert "skipped" in page.read_text(encoding="utf-8")
    assert "HTTP over the best" in finished.stdout


def check_throughput(throughput, load):
    rounds = throughput["rounds"]
    assert len(rounds) == QUICK.rounds
    assert all(len(each["http"]["latencies"]) == QUICK.texts for each in rounds)
    assert all(each["http"]["service_switches"] > 0 for each in rounds)
    assert all(len(each["schemes"]) == 5 for each in rounds)
    assert all(speed > 0 for each in rounds for speed in each["schemes"].values())
    assert throughput["real_tokens"] == QUICK.rounds * sum(load.mix.sample(QUICK.texts))
