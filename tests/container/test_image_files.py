"""Dockerfile, .dockerignore and docker-compose.yml, as far as no engine is needed."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from service.server import CLOSE_SECONDS, LISTEN_GRACE_SECONDS
from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICE = COMPOSE["services"]["albert-serve"]
KEYS = "ALBERT_API_KEYS_FILE"
FINAL_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def test_images_are_named_without_a_registry_host():
    stages = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert stages == {"python:3.11-slim-bookworm"}
    images = [service["image"] for service in COMPOSE["services"].values()]
    for image in images:
        first, _, rest = image.partition("/")
        assert not rest or not re.search(r"[.:]|^localhost$", first), image


def test_dependencies_are_installed_from_the_lock_and_from_wheels():
    (install,) = re.findall(r"-m pip [^&]*", DOCKERFILE)
    for needed in (" --require-hashes ", " --only-binary :all: ", " -r /build/serve.txt "):
        assert needed in install


def test_nothing_is_installed_in_the_image_that_runs():
    assert not re.search(r"pip .*install|apt-get", FINAL_STAGE)


def test_the_image_runs_as_a_user_with_a_number():
    (user,) = re.findall(r"^USER (.+)$", FINAL_STAGE, re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_image_carries_the_version_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f'image.version="{project["version"]}"' in DOCKERFILE


def test_the_image_exposes_the_port_that_is_listened_on():
    assert f"\nEXPOSE {Settings.model_fields['port'].default}\n" in FINAL_STAGE


def test_only_what_is_named_reaches_the_build():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    first, *rest = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    sources = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert {line[1:] for line in rest if line.startswith("!")} == sources


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_containers_have_no_rights_and_limits(name):
    container = COMPOSE["services"][name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["pids_limit"]
    assert all(port.startswith("127.0.0.1:") for port in container["ports"])
    assert "privileged" not in container


@pytest.mark.parametrize("name", ["albert-serve", "prometheus"])
def test_root_file_systems_are_read_only(name):
    assert COMPOSE["services"][name]["read_only"] is True


def test_files_that_are_mounted_are_there_and_read_only():
    mounts = [m for s in COMPOSE["services"].values() for m in s["volumes"] if m.startswith("./")]
    assert mounts
    for source, _, mode in (mount.split(":") for mount in mounts):
        assert (ROOT / source).exists()
        assert mode == "ro"


def test_compose_hands_settings_on_and_an_empty_one_is_none():
    environment = SERVICE["environment"]
    assert environment.keys() < {PREFIX + name.upper() for name in Settings.model_fields}
    for name in environment.keys() - {KEYS}:
        assert environment[name] == f"${{{name}:-}}"
    assert Settings.model_config["env_ignore_empty"]


def test_who_names_a_file_of_keys_has_it_mounted_where_the_service_looks():
    assert f"${{{KEYS}:-/dev/null}}:/keys:ro" in SERVICE["volumes"]
    assert SERVICE["environment"][KEYS] == f"${{{KEYS}:+/keys}}"


def test_compose_checks_health_as_the_image_does():
    check = SERVICE["healthcheck"]
    (options, command) = re.search(r"HEALTHCHECK (.+) \\\n\s+CMD (.+)", FINAL_STAGE).groups()
    assert check["test"] == ["CMD", *yaml.safe_load(command)]
    assert {
        f"--{key.replace('_', '-')}={value}" for key, value in check.items() if key != "test"
    } == set(options.split())


def test_a_container_has_longer_to_stop_than_the_service_takes():
    join_seconds = 5
    needed = Settings.model_fields["drain_seconds"].default
    needed += LISTEN_GRACE_SECONDS + CLOSE_SECONDS + join_seconds
    assert int(SERVICE["stop_grace_period"].removesuffix("s")) > needed
