"""Figures of the calibration of the generator show the numbers of its result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from figure_content import named, texts_outside, words
from iwcd_run import config

from data_info.iwcd_tables import hits_by_energy
from fits.generator_check import compare_hits, slices_of
from physics.tank import preset
from plotting.drawn import save_figure
from plotting.iwcd_generator import generator
from plotting.iwcd_view import ResultView
from plotting.style import style


def test_hits_against_energy_and_shapes(tmp_path: Path) -> None:
    random, table = np.random.default_rng(3), hits_by_energy()
    names = ["e-", "mu-", "pi0"]
    particle = np.repeat(names, 1500)
    energy = 1.2 + random.uniform(0.0, 1000.0, particle.size)
    mean = np.concatenate([table[name].mean[slices_of(energy[particle == name], table[name])] for name in names])
    nhits = np.maximum(random.normal(mean, mean / 3), 0.0)
    electrons = {"energy": energy[:1500], "nhits": nhits[:1500]}
    result = compare_hits({"particle": particle, "energy": energy, "nhits": nhits}, electrons)
    figures = {name: draw() for name, draw in generator(ResultView("hits", result, config(tmp_path), style("dynode"), preset("short"))).items()}
    assert set(figures) == {"hits.generator", "hits.generator_shape_e-"}
    drawn = figures["hits.generator"]
    assert drawn.numbers["particles"]["mu-"]["mean_real"] == table["mu-"].mean.tolist()
    first = drawn.figure.axes[0]
    np.testing.assert_allclose(named(first, "median real")[0].get_ydata(), table["e-"].median)
    assert "mean" in words(drawn.figure)
    shape = figures["hits.generator_shape_e-"]
    assert len(shape.numbers["panels"]) == 11  # all energies and ten slices
    panel = next(iter(shape.numbers["panels"].values()))
    np.testing.assert_allclose(panel["samples"]["Real"]["values"], panel["samples"]["Generated"]["values"])  # the same events
    for name, one in figures.items():
        save_figure(one, tmp_path, name, ["png"], style("dynode"))
        assert not texts_outside(one.figure), name
