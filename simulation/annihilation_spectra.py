"""Neutrino spectra of dark-matter annihilation, made with PYTHIA 8: the embedded table ``data_info/annihilation_spectra.csv`` is remade by

    python -m simulation.annihilation_spectra data_info/annihilation_spectra.csv

which needs the package pythia8mc (8.317.2) and about a core-hour. Annihilation at rest is the decay of a pure Z' of mass 2m made by e+ e- beams
without initial-state radiation; muons, pions, kaons and neutrons decay, as in PPPC4DMID (Cirelli et al., arXiv:1012.4515).
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

BINS = 120  # of log10 x, x = E/m
LOG10X_RANGE = (-6.0, 0.0)
FLAVOURS = {12: "e", 14: "mu", 16: "tau"}
PARTICLE = {"b": 5, "Mu": 13, "Tau": 15, "W": 24}
EVENTS = {"b": 40_000, "Mu": 200_000, "Tau": 12_000, "W": 40_000}
MASSES_GEV = {
    "b": (10, 20, 30, 50, 80, 100, 150, 200, 300),
    "Mu": (5, 10, 20, 30, 50, 80, 100, 150, 200, 300),
    "Tau": (5, 10, 20, 30, 50, 80, 100, 150, 200, 300),
    "W": (90, 100, 150, 200, 300),
}
DECAYING = (13, 211, 321, 130, 310, 2112)
SEED = 20_250_101
VERSION = "8.317.2"  # of PYTHIA and its package
SETTINGS = (
    "Print:quiet = on", "Random:setSeed = on", "Beams:idA = 11", "Beams:idB = -11", "PDF:lepton = off", "TimeShower:weakShower = off",
    "NewGaugeBoson:ffbar2gmZZprime = on", "Zprime:gmZmode = 3", "Zprime:universality = off", "Zprime:coup2WW = 1",
    "32:doForceWidth = on", "32:mWidth = 0.01", "32:mMin = 1", "32:mMax = 0", "PhaseSpace:mHatMin = 1",
    *(f"Zprime:v{name} = 1" for name in ("e", "mu", "tau", "b")), *(f"Zprime:a{name} = 0" for name in ("e", "mu", "tau", "b")),
    *(f"{code}:mayDecay = on" for code in DECAYING), "32:onMode = off",
)  # fmt: skip


def counts(channel: str, mass_gev: float, events: int, seed: int = SEED) -> np.ndarray:
    """Neutrinos and antineutrinos of ``events`` annihilations: flavour (e, mu, tau) x bin of log10(E/m), whole numbers.

    Neutrinos below the range of x are not counted. Raises ``ImportError`` without pythia8mc and ``RuntimeError`` when PYTHIA cannot start.
    """
    import pythia8mc

    generator = pythia8mc.Pythia("", False)
    own = (f"Random:seed = {seed}", f"Beams:eCM = {2 * mass_gev}", f"32:m0 = {2 * mass_gev}", f"32:onIfAny = {PARTICLE[channel]}")
    for setting in (*SETTINGS, *own):
        if not generator.readString(setting):
            raise RuntimeError(f"PYTHIA does not take the setting {setting!r}")
    if not generator.init():
        raise RuntimeError(f"PYTHIA cannot start for channel {channel} at {mass_gev:g} GeV")
    found = np.zeros((len(FLAVOURS), BINS), dtype=np.int64)
    made = 0
    while made < events:
        if generator.next():
            _add(generator.event, mass_gev, found)
            made += 1
    return found


def _add(event: Any, mass_gev: float, found: np.ndarray) -> None:
    low, high = LOG10X_RANGE
    for particle in event:
        code = abs(particle.id())
        if code in FLAVOURS and particle.isFinal():
            place = (math.log10(particle.e() / mass_gev) - low) / (high - low) * BINS
            if place >= 0:
                found[list(FLAVOURS).index(code), min(int(place), BINS - 1)] += 1


def _job(job: tuple[str, int, int]) -> tuple[str, int, int, np.ndarray]:
    channel, mass_gev, events = job
    return channel, mass_gev, events, counts(channel, mass_gev, events)


def rows(jobs: Sequence[tuple[str, int, int]], workers: int) -> Iterator[list[Any]]:
    """Rows of the table: channel, mass, flavour, annihilations, counts by bin."""
    with Pool(workers) as pool:
        for channel, mass_gev, events, found in pool.imap(_job, jobs):
            for flavour, line in zip(FLAVOURS.values(), found, strict=True):
                yield [channel, mass_gev, flavour, events, *line.tolist()]


def jobs(events: Mapping[str, int] = EVENTS) -> list[tuple[str, int, int]]:
    """What the embedded table consists of: (channel, mass in GeV, annihilations)."""
    return [(channel, mass, events[channel]) for channel, masses in MASSES_GEV.items() for mass in masses]


def header() -> list[str]:
    """Comment lines of the table: what made it, and what its numbers are."""
    return [
        f"# Neutrinos and antineutrinos of dark-matter annihilation at rest, counted in PYTHIA {VERSION} (C. Bierlich et al., arXiv:2203.11601).",
        f"# Made by simulation/annihilation_spectra.py, whose SETTINGS these are; seed {SEED}; decaying besides: {' '.join(map(str, DECAYING))}.",
        f"# bin0 ... bin{BINS - 1}: equal bins of log10(E/m) from {LOG10X_RANGE[0]:g} to {LOG10X_RANGE[1]:g}, whole counts of both types together: "
        "dN/dlog10 x of one type is counts / (2 annihilations width);",
        "# relative statistical error 1/sqrt(counts). Example spectra, good to 10 %: no electroweak radiation.",
    ]


def write(path: Path, lines: Iterable[Sequence[Any]]) -> None:
    """The table with its header; rows are written as they come."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in header())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["channel", "mass_gev", "flavour", "annihilations", *(f"bin{number}" for number in range(BINS))])
        for row in lines:
            writer.writerow(row)
            file.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("output", type=Path)
    options.add_argument("--workers", type=int, default=1)
    parsed = options.parse_args(arguments)
    write(parsed.output, rows(jobs(), parsed.workers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
