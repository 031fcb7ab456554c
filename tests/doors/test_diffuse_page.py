"""The worked page "from 102 events to the spectrum", apart from the others: it is long. Its numbers are those of the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_docs import ROOT, run_page

from records.results import load_results
from records.value import Parameter


@pytest.mark.public_data
def test_diffuse_page(tmp_path: Path, public_data: Path) -> None:
    first, looked, other, *others, folded, joint, exercise = run_page(ROOT / "docs" / "diffuse.md", tmp_path)
    for finished in (first, looked, other, *others, folded, joint, exercise):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    page = (ROOT / "docs" / "diffuse.md").read_text(encoding="utf-8")
    for said in stated(load_results(tmp_path / "outputs" / "hese75" / "results.json")):
        assert said in page
    assert "Ours beside the published result" in first.stdout
    assert looked.stdout.startswith("gamma = 2.88 -0.19 +0.21, goodness of fit p = ")
    assert (tmp_path / "outputs" / "hese75" / "workspace_energy_only.json").exists()
    assert folded.stdout == "59.50 events expected\n"
    together = load_results(tmp_path / "outputs" / "diffuse_joint_example" / "results.json")["joint"]
    assert f"together {interval(together.parameters['astro_gamma'])}" in page


def stated(results: Mapping[str, Any]) -> list[str]:
    """Phrases of the page that hold numbers of the run."""
    main, official = results["main"].parameters, results["with_systematics"].parameters
    segments, flavour, models = results["main.segments"], results["main.flavour"], results["main.models"].models
    rows = zip(segments.e2_flux, segments.low, segments.high, strict=True)
    ts = {name: f"{models[name].ts:.2f}" for name in ("log_parabola", "cutoff", "broken_power_law")}
    return [
        f"| `astro_gamma` | {interval(main['astro_gamma'])} | 2.87",
        f"finds `astro_gamma` {interval(official['astro_gamma'])}, `astro_norm` {interval(official['astro_norm'], 1)}",
        *(f"| {short(value)} [{short(low)}, {short(high)}] |" for value, low, high in rows),
        *(f"| {name} | {best:.2f} |" for name, best in zip(("e", "mu", "tau"), flavour.best, strict=True)),
        f"{results['main.events'].expected_signal:.1f} of the 60 are astrophysical",
        f"{ts['log_parabola']} (log-parabola), {ts['cutoff']} (cut-off) and {ts['broken_power_law']} (broken at 300 TeV)",
    ]


def interval(parameter: Parameter, digits: int = 2) -> str:
    """Value and MINOS distances as the page writes them."""
    down, up = parameter.minos
    return f"{parameter.value:.{digits}f} {down:+.{digits}f} {up:+.{digits}f}"


def short(flux: float) -> str:
    """In 1e-8 GeV cm^-2 s^-1 sr^-1."""
    return f"{flux * 1e8:.2f}".replace("0.00", "0")
