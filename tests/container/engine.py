"""The container engine that ``ENGINE`` names, spoken to as one speaks to ``docker``."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

Completed = subprocess.CompletedProcess[str]

ENVIRONMENT = {
    **os.environ,
    # podman's own image format has no health check.
    "BUILDAH_FORMAT": "docker",
}

HARDENED = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--publish=127.0.0.1::8000",
)


class EngineError(Exception):
    """A command of the engine failed; its output says why."""


class Engine:
    """``docker``, ``podman``, or a wrapper that keeps podman's other verbs behind a verb
    ``podman``.
    """

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)
        wraps_podman = self._call([*self._command, "podman", "--version"]).returncode == 0
        self._verbs = [*self._command, "podman"] if wraps_podman else self._command
        self.is_podman = "podman" in self._call([*self._verbs, "--version"]).stdout

    def try_(self, verb: str, *arguments: str, env: Mapping[str, str] | None = None) -> Completed:
        """Run a verb, whatever its exit status."""
        own = verb in ("build", "run", "compose")
        return self._call([*(self._command if own else self._verbs), verb, *arguments], env)

    def do(self, verb: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run a verb and return its standard output, stripped. Raises EngineError."""
        completed = self.try_(verb, *arguments, env=env)
        if completed.returncode != 0:
            lines = (completed.stdout + completed.stderr).strip()
            raise EngineError(f"{verb} {' '.join(arguments)}:\n{lines}")
        return completed.stdout.strip()

    @contextmanager
    def container(self, name: str, image: str, *options: str) -> Iterator[str]:
        """A running container of ``image`` with nothing writable in it; yields the URL of its port
        8000, and removes it in the end.
        """
        self.try_("rm", "--force", name)
        # docker has no temporary directories in a read-only container, podman has unless told not.
        bare = ("--read-only-tmpfs=false",) if self.is_podman else ()
        try:
            self.do("run", "--detach", "--name", name, *HARDENED, *bare, *options, image)
            yield "http://" + self.do("port", name, "8000/tcp").splitlines()[0]
        finally:
            self.try_("rm", "--force", "--volumes", name)

    def health(self, name: str) -> str:
        """``starting``, ``healthy`` or ``unhealthy``."""
        if self.is_podman:  # its own timer needs systemd, which is not everywhere
            return (
                "healthy" if self.try_("healthcheck", "run", name).returncode == 0 else "starting"
            )
        return self.do("inspect", "--format", "{{.State.Health.Status}}", name)

    @staticmethod
    def _call(command: list[str], env: Mapping[str, str] | None = None) -> Completed:
        return subprocess.run(
            command, capture_output=True, text=True, env={**ENVIRONMENT, **(env or {})}, check=False
        )
