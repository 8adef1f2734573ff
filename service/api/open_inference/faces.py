"""Finds the face that a path names."""

from service.api.open_inference.face import Face, version_of
from service.api.open_inference.tensors_face import SUFFIX, TensorsFace
from service.api.open_inference.text_face import TextFace
from service.api.translation import InputLimits
from service.lifecycle import Lifecycle, Phase, StartingError
from service.registry import FailedModel, NoSuchModelError, Registry, shown


class Faces:
    """The faces of all models of a registry."""

    def __init__(self, registry: Registry, lifecycle: Lifecycle, limits: InputLimits) -> None:
        self._registry = registry
        self._lifecycle = lifecycle
        self._limits = limits
        self._known: dict[str, Face] = {}

    @property
    def failed(self) -> list[FailedModel]:
        """The models that have none, because they could not be loaded."""
        return self._registry.failed

    def all(self) -> list[Face]:
        """Two for each model that is loaded; one where another model has the second one's name."""
        models = self._registry.loaded
        names = {model.name for model in models} | {model.name for model in self.failed}
        tensors = [model for model in models if model.name + SUFFIX not in names]
        return [
            *(TextFace(model, self._limits) for model in models),
            *(TensorsFace.of(model, self._limits) for model in tensors),
        ]

    def get(self, name: str, version: str | None = None) -> Face:
        """The face of that name, of ``version`` if one is asked for.

        Raises NoSuchModelError, ModelUnavailableError, or StartingError while more may come.
        """
        face = self._known.get(name)
        if face is None:
            face = self._find(name)
            self._known[name] = face
        if version is not None and version != version_of(face):
            raise NoSuchModelError(
                f"There is no version {shown(version)} of the model {name!r}; "
                f"loaded is: {version_of(face)}."
            )
        return face

    def _find(self, name: str) -> Face:
        if self._lifecycle.phase is Phase.STARTING:
            raise StartingError("The service is starting: its models are being loaded.")
        try:
            return TextFace(self._registry.get(name), self._limits)
        except NoSuchModelError:
            if not name.endswith(SUFFIX):
                raise
        try:
            model = self._registry.get(name.removesuffix(SUFFIX))
        except NoSuchModelError as error:
            known = ", ".join(sorted(face.name for face in self.all())) or "none"
            raise NoSuchModelError(
                f"There is no model {shown(name)}; loaded are: {known}."
            ) from error
        return TensorsFace.of(model, self._limits)
