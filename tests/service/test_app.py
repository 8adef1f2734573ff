"""The application without a server around it."""

from types import SimpleNamespace

from service.app import Application
from service.settings import Settings


def test_a_model_that_cannot_give_memory_back_keeps_no_other_from_it(monkeypatch):
    asked = []

    class FakeSession:
        def __init__(self, name):
            self.name = name

        def give_back(self):
            asked.append(self.name)
            if self.name == "a":
                raise RuntimeError("of onnxruntime")
            return True

    models = [SimpleNamespace(name=name, session=FakeSession(name)) for name in ("a", "b")]
    application = Application(Settings())
    monkeypatch.setattr(application, "registry", SimpleNamespace(loaded=models))
    application._give_back()
    assert asked == ["a", "b"]
