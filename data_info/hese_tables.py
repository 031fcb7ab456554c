"""Tables of the surrogate HESE response: effective areas, energy and angular response, atmospheric background.

The numbers stand as CSV files in ``data_info/hese/``, each with its unit and source in its header.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TABLES = Path(__file__).parent / "hese"
SURROGATE = "surrogate response, not a first-principles simulation"
STATEMENT = f"{SURROGATE}: tables derived by third parties from the IceCube collaboration's simulation"
SOURCES = (
    "IceCube HESE 7.5 years, Phys. Rev. D 104, 022002 (2021), arXiv:2011.03545, doi:10.21234/4EQJ-BB17; "
    "github adhishrajan/stat221-neutrino-project (effective area, cascade migration, track bias and width); "
    "github Astridsc/nuSIprop (flavour areas, atmospheric spectra)"
)

Array = NDArray[np.float64]

N_TRUE = 20  # true-energy bins j of 0.15 decades from 1e4 GeV
N_NODES = 60  # nodes i of 0.05 decades from 1e4 GeV
TRUE_EDGES_GEV: Array = np.power(10.0, 4.0 + 0.15 * np.arange(N_TRUE + 1))
TRUE_CENTRES_GEV: Array = np.power(10.0, 4.075 + 0.15 * np.arange(N_TRUE))
NODE_CENTRES_GEV: Array = np.power(10.0, 4.025 + 0.05 * np.arange(N_NODES))
NODE_EDGES_GEV: Array = np.power(10.0, 4.0 + 0.05 * np.arange(N_NODES + 1))
FLAVOURS = ("electron", "muon", "tau")
COSZEN_EDGES: Array = np.linspace(-1.0, 1.0, 11)


@dataclass(frozen=True)
class HeseTables:
    """The tables as arrays; j = true-energy bin, i = node, f = electron, muon, tau (nu + nubar), c = cos zenith bin from -1 to 1."""

    first_area_bin: int  # j of the first row of area_coszen_m2 and of flavour_fractions, track_bias, track_width
    area_coszen_m2: Array  # (18, 10): summed over six species, in true cos zenith
    flavour_fractions: Array  # (18, 3)
    track_bias: Array  # (18,) of log10(E_deposited / E_neutrino)
    track_width: Array  # (18,)
    flavour_area_m2: Array  # (3, 60): zero below node 6
    first_migration_bin: int  # j of the first row of cascade_migration
    cascade_migration: Array  # (16, 20): P(deposited-energy bin | j), as tabulated (rows sum to 1 within rounding)
    atmospheric_events: dict[str, Array]  # channel -> (20,) events per deposited-energy bin in ``atmospheric_livetime_s``
    atmospheric_coszen: dict[str, Array]  # cascade, track -> (10,) shape in reconstructed cos zenith, sums to 1 within rounding


def load_tables() -> HeseTables:
    """Read the tables of ``data_info/hese``."""
    area, fractions, track = _read("effective_area_coszen"), _read("flavour_fractions"), _read("track_response")
    flavour, migration = _read("flavour_area"), _read("cascade_migration")
    background, shape = _read("atmospheric_background"), _read("atmospheric_coszen")
    flavour_area = np.zeros((len(FLAVOURS), N_NODES))
    flavour_area[:, flavour["i"].astype(int)] = [flavour[f"{name}_m2"] for name in FLAVOURS]
    return HeseTables(
        first_area_bin=int(area["j"][0]),
        area_coszen_m2=_matrix(area, "area_", "_m2"),
        flavour_fractions=np.stack([fractions[name] for name in FLAVOURS], axis=1),
        track_bias=track["bias"],
        track_width=track["width"],
        flavour_area_m2=flavour_area,
        first_migration_bin=int(migration["j"][0]),
        cascade_migration=_matrix(migration, "p_"),
        atmospheric_events={channel: background[channel] for channel in ("cascade", "track", "dcascade")},
        atmospheric_coszen={channel: shape[channel] for channel in ("cascade", "track")},
    )


def _read(name: str) -> dict[str, Array]:
    """Columns of ``<name>.csv``; lines that start with # are its description."""
    lines = [line for line in (TABLES / f"{name}.csv").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    columns = np.array([line.split(",") for line in lines[1:]], dtype=np.float64).T
    return dict(zip(lines[0].split(","), columns, strict=True))


def _matrix(columns: dict[str, Array], prefix: str, suffix: str = "") -> Array:
    count = sum(name.startswith(prefix) for name in columns)
    return np.stack([columns[f"{prefix}{k}{suffix}"] for k in range(count)], axis=1)
