"""One point of a photomultiplier measurement: a tube at one voltage with one light, and its files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from configs.errors import InputError

FILE_PATTERN = "C1--n16deg--{i:05d}.trc"  # as the oscilloscope's autosave names them
AUTOSAVE = "Autosave"  # the oscilloscope's folder, left out of most copies
MOST_FILES = 1_000_000  # of one point: more is a slip of the pen, and every name is written out
MV_PER_V = 1e3
PICKLES = (".pkl", ".pickle")

Source = Annotated[Literal["led", "off"], BeforeValidator(lambda value: "off" if value is False else value)]  # YAML 1.1 reads off as false
Light = Literal["bright", "low"]
Level = Annotated[str, BeforeValidator(lambda value: f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value)]


@dataclass(frozen=True)
class Point:
    """The unit of the analysis. ``files``: paths, patterns or URLs; ``n_files``: how many they must be.

    ``cut_v``: threshold on the minimum of a negative pulse (negative; of the reference analysis). ``q_ref_pc``: charge scale of histograms.
    ``folder``: where a copy of the files behind URLs lies below the root of a copy, e.g. ``PMT_1_2/1400``. ``level``: label of a further light level
    of the same tube and voltage; empty for the light that all voltages share.
    """

    pmt: str
    hv_v: float
    n_files: int | None
    cut_v: float | None
    noisy: bool
    q_ref_pc: float | None
    source: Source
    light: Light
    files: tuple[str, ...]
    folder: str | None = None
    level: str = ""

    def __post_init__(self) -> None:
        if self.level and not re.fullmatch(r"\w[\w-]*", self.level):
            raise InputError(f"{self.pmt}: level {self.level!r} is not a label of a light level; use letters, digits, _ and -")
        if not re.fullmatch(r"\w[\w-]*", self.pmt):
            raise InputError(f"{self.pmt!r} is not a name of a tube; use letters, digits, _ and -")

    @property
    def name(self) -> str:
        """Name of the data set, e.g. ``PMT_1.1400V``, ``PMT_1.1400V.off`` (LED off), ``PMT_1.1400V.low``, ``PMT_1.1400V.level_2``."""
        level = f".level_{self.level}" if self.level else ""
        return f"{self.pmt}.{self.hv_v:g}V{'.low' if self.light == 'low' else ''}{level}{'.off' if self.source == 'off' else ''}"

    @property
    def metadata(self) -> dict[str, Any]:
        """What processors, fits and plots know of the point."""
        names = ("pmt", "hv_v", "source", "light", "level", "cut_v", "noisy", "q_ref_pc")
        return {name: getattr(self, name) for name in names}


def check_numbers(hv_v: float, cut_v: float | None, q_ref_pc: float | None, where: Callable[[str], str]) -> None:
    """Refuse a voltage, threshold or charge scale that no point can have; ``where(name)`` says which key gave it. Raises ``InputError``."""
    if not (math.isfinite(hv_v) and hv_v > 0):
        raise InputError(f"{where('hv_v')}: {hv_v:g} V is not possible; give the magnitude of the voltage, above 0")
    if cut_v is not None and not (math.isfinite(cut_v) and cut_v < 0):
        raise InputError(f"{where('cut_v')}: {cut_v:g} V is not possible; it is a threshold on the minimum of negative pulses, below 0")
    if q_ref_pc is not None and not (math.isfinite(q_ref_pc) and q_ref_pc > 0):
        raise InputError(f"{where('q_ref_pc')}: {q_ref_pc:g} pC is not possible; give a charge above 0")


def refuse_pickle(name: str, where: str = "") -> None:
    """Refuse a file that can run code when it is read. Raises ``InputError`` with the way out."""
    if name.lower().endswith(PICKLES):
        place = f"{where}: {name}" if where else name
        raise InputError(
            f"{place}: pickles are not read, as they can run any code; the thresholds of the reference analysis are in data_info/pmt_runs.yaml, "
            f"and a frame of mean charges can be written with to_csv where it was made and read with run_fit.py --import-legacy-csv FILE.csv"
        )


def is_remote(name: str) -> bool:
    """Whether a file of a table is a URL."""
    return "://" in name


def beside(table: Path, name: str) -> str:
    """A file of a table: URLs as they are, relative paths below the table's folder."""
    return name if is_remote(name) else str(table.parent / name)
