"""The blocks that the tests of the pages do not run, each with the reason."""

MEASURES = "it measures for minutes to hours; tests/bench/ runs these programs briefly"
SERVES = "it serves until it is stopped; every other block asks such a service"
CONTAINER = "it needs a container engine; make verify-image runs image and compose file"
EXPORTS = "CHECKPOINT and NAME stand for the reader's; tests/export/test_commands.py runs it"
TRAINS = "it needs torch and trains for minutes; tests/parity/test_readme.py runs it"
LOADS = "the program runs where glibc is 2.38 or later alone, and loads until it is steady"

FIGURE = "it is a drawing, a formula or a record: neither code nor a command"

NOT_RUN = {
    ("README.md", "make serve"): SERVES,
    ("README.md", "make install"): "CI begins with it, and path/to/checkpoint is the reader's",
    ("README.md", "make install-train"): TRAINS,
    ("README.md", "docker build --tag albert-serve ."): CONTAINER,
    ("export.md", "albert-export CHECKPOINT --name NAME --output models"): EXPORTS,
    (
        "export.md",
        'python -c "from transformers import AutoModelForSequenceClassification as M; \\',
    ): "it needs torch and transformers, and a checkpoint that is not safe to open",
    (
        "export.md",
        "albert-export CHECKPOINT --name NAME --output models --precision int8 "
        "[--calibration FILE] [--explain]",
    ): EXPORTS,
    (
        "export.md",
        "albert-export CHECKPOINT --name NAME --output models --precision fp16",
    ): EXPORTS,
    (
        "architecture.md",
        "fine-tuned ALBERT checkpoint ──▶ export/ ──▶ models/NAME/VERSION/ ──▶ service/ ──▶ HTTP",
    ): FIGURE,
    (
        "architecture.md",
        "event loop                        threads                            worker threads",
    ): FIGURE,
    ("export.md", '{"model_sha256": "…", "figures": ['): FIGURE,
    (
        "operations.md",
        '{"request_id":"20ca981bf5ff451f8dc23a27dace78b6","method":"POST","path":"/v1/sentiment",'
        '"model":"sentiment",',
    ): FIGURE,
    ("http-cost.md", ".venv/bin/python -m bench.http_cost --page docs/http-cost.md"): MEASURES,
    (
        "open-inference.md",
        """echo '{"data": [{"text": ["A warm, funny film."]}, """
        """{"text": ["It broke after a week."]}]}' > texts.json""",
    ): LOADS,
    (
        "open-inference.md",
        """echo '{"data": [{"input_ids": {"content": [2, 50, 60, 3], "shape": [4]}}]}' """
        "> ids.json",
    ): LOADS,
    ("operations.md", "docker build --tag albert-serve ."): CONTAINER,
    ("operations.md", "spec:"): "it is a part of what a pod is, for a cluster",
    (
        "operations.md",
        ".venv/bin/pip uninstall --yes onnxruntime",
    ): "it changes the environment that it runs in, for a GPU",
    (
        "operations.md",
        'docker run --rm --publish 8000:8000 --volume "$PWD/my-models:/models:ro" albert-serve',
    ): CONTAINER,
    ("operations.md", "install -m 600 /dev/null keys"): SERVES,
    ("api.md", 'RateLimit-Policy: "requests";q=10;w=1'): FIGURE,
    ("peers.md", "make bench-peers"): MEASURES,
    ("performance.md", "make bench"): MEASURES,
    ("question-answering.md", "score = (p / n) / (1 + Σ over windows of (1 - n) / n)"): FIGURE,
    (
        "scheduling.md",
        "admit ─────────────▶ due ─────────────────▶ batch ──────────────▶ crew",
    ): FIGURE,
    ("simulation.md", ".venv/bin/python -m bench.simulate measure profile.json"): MEASURES,
    ("steadiness.md", ".venv/bin/python -m bench.overload"): MEASURES,
}
