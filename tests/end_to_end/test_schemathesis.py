"""The running service does what its own description says: all checks of schemathesis, with requests
that the description allows and with ones that it forbids.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.keys import ALICE, bearer, write_keys
from tests.server import ServerProcess

ROOT = Path(__file__).parents[2]
LEFT_OUT = re.compile("PROXY|COVERAGE", re.IGNORECASE)
"""Of the environment: the lines that the program reaches are not ours to count."""
PROGRAM = Path(sys.executable).with_name("schemathesis")
EXAMPLES = "4"
"""Of each route in the fuzzing phase, beside those of the other two."""


def test_the_service_keeps_to_its_description(served, tmp_path):
    check(served, tmp_path)


def test_a_service_with_keys_does_too(tmp_path):
    """Also that each route that is said to be behind a key is."""
    with ServerProcess(DEFAULT_MODELS, "--api-keys-file", str(write_keys(tmp_path))) as server:
        (tmp_path / "schemathesis.toml").write_text(f'[auth.openapi.bearer]\nbearer = "{ALICE}"\n')
        check(server, tmp_path)
        server.client.headers.update(bearer(ALICE))
        for status in ("200", "401", "403"):  # it did come in, and did try to without
            assert server.metric("albert_requests_total", route="/v1/sentiment", status=status) > 0


def check(server, directory):
    """Run schemathesis against ``server``, in ``directory``."""
    done = subprocess.run(
        [
            str(PROGRAM),
            *("run", f"{server.url}/openapi.json"),
            *("--checks", "all"),
            *("--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", EXAMPLES),
            "--generation-deterministic",
            "--continue-on-failure",
            "--no-color",
        ],
        cwd=directory,
        env={
            **{key: value for key, value in os.environ.items() if not LEFT_OUT.search(key)},
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.end_to_end.schemathesis_hooks",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
