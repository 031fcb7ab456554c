"""A small run of ``dark_matter`` for tests of its figures: generated events of two seasons, looked at, with two fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from configs.schema import DarkMatterConfig
from fits.stage import fit
from processors.stage import process

FEW = {"background": 400, "per_limit_point": 100, "signal_per_point": 300, "points": 6}
SMALL: dict[str, Any] = {
    "trials": FEW, "pdf": {"grid": (60, 120)}, "likelihood": {"max_info_loss": 0.02}, "statistics": {"target_error": 0.15, "discovery_sigma": [3]},
    "compare": ["mine_{ch}.csv", "absent_{ch}.csv"], "workspaces": False,
}  # fmt: skip
LIMIT = "# cl: 0.68\n# label: A guess\n20,1e-22\n200,4e-22\n"


def config(folder: Path, **changes: Any) -> DarkMatterConfig:
    """A configuration with generated data sets; ``changes`` replace its keys."""
    given: dict[str, Any] = {
        "name": "small", "analysis": "dark_matter", "output_dir": str(folder), "source": folder / "small.yaml",
        "datasets": {
            "exp_2011": {"example": {"size": 2500}, "kind": "data", "season": 2011},
            "exp_2012": {"example": {"size": 1500}, "kind": "data", "season": 2012},
            "mc": {"example": {"size": 20_000}, "kind": "mc", "flavour": "mu"},
        },
        "processor": {"blind": False},
        "fits": {"main": {"channels": {"Nu": [30, 50], "b": [100]}, **SMALL}, "other": {"channels": {"Nu": [50]}, **SMALL, "j_nuisance": "marginal"}},
        "plots": {"label": "Test", "formats": ["png"]}, "executor": {"kind": "iterative"},
    }  # fmt: skip
    return DarkMatterConfig.model_validate(given | changes)


def run(folder: Path) -> DarkMatterConfig:
    """Generate, process and fit; a limit of somebody else lies beside the configuration. Returns the configuration."""
    (folder / "mine_NuNu.csv").write_text(LIMIT)
    chosen = config(folder)
    process(chosen)
    fit(chosen)
    return chosen
