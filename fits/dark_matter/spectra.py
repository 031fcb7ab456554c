"""From the options of a campaign to spectra and mixing angles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from configs.dark_matter import Campaign, Oscillation
from configs.dark_matter import Spectra as Options
from configs.errors import InputError, nearest
from data_info.annihilation_spectra import PPPC_FILES, SpectrumTable, embedded, pppc, table
from data_info.files import find_file
from physics.annihilation_spectra import LINE, PPPC_WIDTH_LOG10, Spectra
from physics.oscillation import Mixing, mixing

PPPC_FOLDER = "dark_matter"  # of the data directory


def spectra(options: Campaign, config_file: Path) -> Spectra:
    """Spectra of every channel as the options say. Raises ``InputError`` for missing files and for mixtures that are none."""
    found = _table(options.spectra, config_file)
    _check_mixtures(options.branching, found)
    smear = PPPC_WIDTH_LOG10 if options.spectra.smear == "pppc" else 0.0
    return Spectra(found, options.spectra.line_width_log10, smear, options.branching or None)


def _check_mixtures(branching: Mapping[str, Mapping[str, float]], found: SpectrumTable) -> None:
    """A mixture has a name of its own, parts that have spectra, and shares that sum to 1."""
    channels = {*found.channels, LINE}
    for name, shares in branching.items():
        if name in channels:
            raise InputError(f"branching.{name}: is a channel of {found.about}; give the mixture a name of its own")
        for part in shares:
            if part not in channels:
                raise InputError(f"branching.{name}: {part!r} is not a channel of {found.about}{nearest(part, channels)}")
        if abs(sum(shares.values()) - 1.0) > 1e-6:
            raise InputError(f"branching.{name}: the shares sum to {sum(shares.values()):g}, not to 1")


def _table(options: Options, config_file: Path) -> SpectrumTable:
    if options.source == "table":
        if options.path is None:
            raise InputError("spectra.path: give the CSV file of your spectra, or spectra.source: embedded")
        return table(find_file(options.path, config_file))
    if options.source == "pppc":
        folder = options.path if options.path is not None else PPPC_FOLDER
        return pppc(find_file(f"{folder}/{PPPC_FILES[0]}", config_file).parent)
    return embedded()


def angles(options: Oscillation) -> Mixing | None:
    """Mixing angles, or None for spectra as produced. Raises ``InputError`` when only some of the explicit ones are given."""
    if not options.averaged:
        return None
    explicit = (options.sin2_12, options.sin2_13, options.sin2_23, options.delta_deg)
    match explicit:
        case (None, None, None, None):
            return mixing(options.set)
        case (float(s12), float(s13), float(s23), float(delta)):
            return Mixing(s12, s13, s23, delta)
    raise InputError("oscillation: give all of sin2_12, sin2_13, sin2_23, delta_deg, or none of them and a set")
