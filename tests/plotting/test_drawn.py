"""What is written: the numbers drawn, the same bytes each time, every file whole."""

from __future__ import annotations

import json

import numpy as np
import pytest

from plotting import draw
from plotting.drawn import plain, save_figure
from plotting.style import style

STYLE = style("dynode")


def drawn() -> draw.DrawnFigure:
    return draw.profile(draw.Scale("x"), np.linspace(-4.0, 4.0, 17), 0.5 * np.linspace(-4.0, 4.0, 17) ** 2, intervals=[(-1.0, np.inf)], style=STYLE)


def test_each_format_and_the_numbers_are_written_beside_each_other(tmp_path) -> None:
    paths = save_figure(drawn(), tmp_path / "figures", "loose.profile", ["png", "pdf"], STYLE)
    assert [path.name for path in paths] == ["loose.profile.png", "loose.profile.pdf", "loose.profile.json"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert paths[1].read_bytes().startswith(b"%PDF")
    numbers = json.loads(paths[2].read_text())
    np.testing.assert_allclose(numbers["two_delta_nll"], np.linspace(-4.0, 4.0, 17) ** 2)
    assert numbers["intervals"] == [[-1.0, "inf"]]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(path.name for path in paths)


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, suffix: str) -> None:
    one, other = (save_figure(drawn(), tmp_path / name, "profile", [suffix], STYLE)[0].read_bytes() for name in ("a", "b"))
    assert one == other
    assert b"CreationDate" not in one


def test_numbers_are_plain_json() -> None:
    given = {"a": np.float64(1.5), "b": np.array([[1, 2]]), "c": (np.nan, -np.inf), "d": None, 1: "x"}
    assert plain(given) == {"a": 1.5, "b": [[1, 2]], "c": [None, "-inf"], "d": None, "1": "x"}


def test_a_failure_while_drawing_leaves_the_old_figure(tmp_path) -> None:
    first = save_figure(drawn(), tmp_path, "profile", ["png"], STYLE)[0].read_bytes()
    broken = drawn()
    broken.figure.axes[0].set_title(r"$\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        save_figure(broken, tmp_path, "profile", ["png"], STYLE)
    assert (tmp_path / "profile.png").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["profile.json", "profile.png"]
