"""What is read from files can run no code: nothing in readers/ and records/ can unpickle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "pickletools"}
RESTRICTED = {"legacy_pickle.py", "legacy_objects.py"}  # admit a list of names that stand for code of ours (tests/readers/test_legacy_pickle.py)
CALLS = {"read_pickle", "to_pickle", "eval", "exec"}


def suspicious(source: str) -> list[str]:
    """Imports of modules that unpickle, calls that do, and ``allow_pickle`` with anything but False."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"import {alias.name}" for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(f"from {node.module}")
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found += [f"{name}()"] if name in CALLS else []
            found += [word.arg for word in node.keywords if word.arg == "allow_pickle" and getattr(word.value, "value", None) is not False]
    return found


@pytest.mark.parametrize(
    "path",
    [path for room in ("readers", "records") for path in sorted((ROOT / room).rglob("*.py")) if path.name not in RESTRICTED],
    ids=lambda path: path.name,
)
def test_nothing_unpickles(path: Path) -> None:
    assert suspicious(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", ["import pickle"]),
        ("from joblib import load", ["from joblib"]),
        ("np.load(f, allow_pickle=True)", ["allow_pickle"]),
        ("np.load(f, allow_pickle=flag)", ["allow_pickle"]),
        ("pd.read_pickle(f)", ["read_pickle()"]),
        ("np.load(f, allow_pickle=False)", []),
    ],
)
def test_the_scan_sees_what_it_looks_for(source: str, found: list[str]) -> None:
    assert suspicious(source) == found
