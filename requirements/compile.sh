#!/bin/sh
# Remakes the lock files from pyproject.toml: pinned, hashed, one for each extra, none naming an index. Extras stay in the names: where
# `name` alone is pinned and `name[extra]` asked for, pip 23 looks for the newest `name[extra]` and then misses its hash.
set -eu
cd "$(dirname "$0")/.."
lock() { # lock NAME ARGUMENTS…
    name=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate \
        --custom-compile-command "make lock" --output-file "requirements/$name.txt" "$@"
}
lock serve pyproject.toml
lock build requirements/build.in
lock export pyproject.toml --extra export --extra ask --constraint requirements/serve.txt
lock test pyproject.toml requirements/test.in --extra export --extra ask --extra trace --constraint requirements/export.txt
lock lint pyproject.toml requirements/test.in requirements/lint.in --extra export --extra ask --extra trace --constraint requirements/test.txt
lock bench pyproject.toml --extra bench --constraint requirements/test.txt
lock trace pyproject.toml --extra trace --constraint requirements/serve.txt
lock train pyproject.toml requirements/test.in requirements/train.in --extra export --extra ask --extra trace --constraint requirements/test.txt
lock int8-peers requirements/int8-peers.in  # no constraint: nncf asks for an older numpy than the others take
lock pipeline requirements/pipeline.in  # no constraint: it asks for an older tokenizers than the service takes
for peer in fastapi mosec litserve mlserver bentoml plot; do
    lock "peers/$peer" "requirements/peers/$peer.in"
done
lock peers/infinity requirements/peers/infinity.in --override requirements/peers/without-torch.txt
