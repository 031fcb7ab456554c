"""Single events in the plane of what was reconstructed."""

from __future__ import annotations

import numpy as np
from figure_content import legend_words, named, points_under_legends, texts_outside

from plotting.event_map import NUMBERED, event_map, markers_of
from plotting.style import style

KINDS = ["Cascades", "Tracks", "Double cascades"]


def test_every_event_stands_where_it_was_reconstructed() -> None:
    random = np.random.default_rng(1)
    energy, coszen, signalness = 10.0 ** random.uniform(4.8, 6.3, 60), random.uniform(-1.0, 1.0, 60), random.uniform(size=60)
    topology = [KINDS[i] for i in random.integers(3, size=60)]
    drawn = event_map(energy, coszen, signalness, list(range(60)), topology, KINDS, style=style("dynode"))
    axes = drawn.figure.axes[0]
    for name in KINDS:
        (points,) = named(axes, f"events {name}")
        own = np.array([one == name for one in topology])
        np.testing.assert_allclose(points.get_offsets(), np.column_stack([energy, coszen])[own])
        np.testing.assert_allclose(points.get_array(), signalness[own])
    numbered = {int(text.get_text()) for text in named(axes, "number")}
    assert numbered == set(np.argsort(-energy)[:NUMBERED].tolist())
    assert legend_words(axes) == KINDS
    assert points_under_legends(axes, energy, coszen) == 0
    assert not texts_outside(drawn.figure)
    assert drawn.numbers["entry"] == list(range(60))


def test_a_topology_has_one_marker_in_every_figure() -> None:
    assert markers_of(["Tracks"], KINDS) == [("s", "Tracks")]
    assert markers_of(["Other", "Cascades"], KINDS) == [("o", "Cascades"), ("v", "Other")]
