"""The plug-in fits the installed MiniStack, and says what does not fit when it is another one."""

from __future__ import annotations

import importlib.metadata
import re

import pytest

from sandbox.emulator import patch_points
from sandbox.emulator.patch_points import ALL, MINISTACK_VERSION, PatchPoint, UnsupportedMiniStack


@pytest.fixture(autouse=True)
def emulator_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep MiniStack's modules, which are only inspected here, from changing this process's environment."""
    monkeypatch.setenv("LOG_LEVEL", "WARNING")


def test_the_installed_ministack_is_the_pinned_one() -> None:
    patch_points.check()


@pytest.mark.parametrize("point", ALL, ids=lambda point: f"{point.module}.{point.name}")
def test_ministack_still_has(point: PatchPoint) -> None:
    assert point.problem() is None, (
        f"MiniStack {MINISTACK_VERSION} was the last one known to fit; read what became of this place, adapt "
        f"sandbox/emulator, then raise MINISTACK_VERSION"
    )


def test_another_version_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "9.9.9")

    with pytest.raises(UnsupportedMiniStack, match=r"needs ministack 1\.5\.33, installed is 9\.9\.9"):
        patch_points.check()


def test_a_function_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = PatchPoint("ministack.services.dynamodb", "_no_such_function", ())
    monkeypatch.setattr(patch_points, "ALL", (gone,))

    with pytest.raises(UnsupportedMiniStack, match=re.escape("ministack.services.dynamodb._no_such_function")):
        patch_points.check()


def test_a_changed_signature_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = PatchPoint("ministack.services.dynamodb", "_set_item", ("table", "key"))
    monkeypatch.setattr(patch_points, "ALL", (changed,))

    with pytest.raises(UnsupportedMiniStack, match=r"takes \('table', 'pk_val', 'sk_val', 'item'\)"):
        patch_points.check()
