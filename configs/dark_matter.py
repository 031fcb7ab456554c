"""Options of the analysis ``dark_matter``: spectra, sources, energy windows, likelihood, trials, limits, figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from configs.figure_style import FigureStyle
from configs.strict import Strict

Probability = Annotated[float, Field(gt=0, lt=1)]
Masses = Annotated[list[PositiveFloat], Field(min_length=1)]
MassesByChannel = Annotated[dict[str, Masses], Field(min_length=1)]
Figure = Literal[
    "variables", "sindec_angular_error", "resolution", "effective_area", "livetime",  # of the events
    "sources", "limits",  # of a fit
    "spectra", "window", "sky", "acceptance", "densities", "ratio", "trials", "injection", "passing",  # of a channel and mass
]  # fmt: skip


class Processor(Strict):
    """Events -> histograms from which every channel and mass can be made."""

    energy_scale: dict[int, PositiveFloat] = {2016: 1.04, 2017: 1.04}  # season -> factor on the reconstructed energy of its data
    ow_convention: Literal["per_type", "nu_plus_nubar", "reference"] = "per_type"
    drop_zero_energy: bool = False
    psi_edges_deg: list[float] | Literal["default"] = "default"
    true_energy_log10: tuple[float, float] = (0.0, 2.7)  # range in log10(E/GeV); 100 bins a decade
    psf_sindec_bins: PositiveInt = 1  # of the response in true declination, for point spreads that depend on it
    reference: bool = False  # fill what likelihood.type: reference needs: simulated events without weights
    blind: bool = True  # right ascensions of data are scrambled as they are read; false also needs --unblind


class Oscillation(Strict):
    """Averaged oscillation between source and Earth: a named set, or the four angles."""

    set: Literal["nufit60_no", "reference"] = "nufit60_no"
    averaged: bool = True  # false: as produced
    sin2_12: Probability | None = None
    sin2_13: Probability | None = None
    sin2_23: Probability | None = None
    delta_deg: float | None = None


class Spectra(Strict):
    """Neutrinos of one annihilation: the embedded table, PPPC4DMID's files, or a table of one's own."""

    source: Literal["embedded", "pppc", "table"] = "embedded"
    path: str | None = None
    smear: Literal["none", "pppc"] = "none"
    line_width_log10: PositiveFloat = 0.05


class Sources(Strict):
    """Dwarf galaxies and which aperture's J factor is taken."""

    catalogue: str = "29dg"  # 29dg | lvdb | a CSV file of one's own
    j_aperture: Literal["0.1", "0.2", "0.5", "10", "min", "max"] = "max"
    exclude: list[str] = []


class Window(Strict):
    """Range of reconstructed energy of each combination."""

    rule: Literal["reference", "optimise"] | dict[str, dict[float, tuple[int, int]]] = "reference"
    fom: Literal["fisher", "s_over_sqrt_b"] = "fisher"
    range: tuple[int, int] = (0, 500)


class Pdf(Strict):
    """Binning of the probability densities."""

    energy_bins: PositiveInt = 1
    sindec_bins: PositiveInt = 100
    acceptance_band: PositiveFloat = 0.1
    floor: PositiveFloat = 1e-6
    grid: tuple[PositiveInt, PositiveInt] = (200, 360)


class Likelihood(Strict):
    """The stacking likelihood."""

    type: Literal["stack", "source", "reference"] = "stack"
    background: Literal["scrambled", "mc"] = "scrambled"
    ratio_bins: PositiveInt = 64
    max_info_loss: Probability = 0.005
    extended: bool = False


class Trials(Strict):
    """Pseudo-experiments; ``n_events``: of a trial, that of the data (the reference mode has ``compat.n_trial``)."""

    background: PositiveInt = 10_000
    signal_per_point: PositiveInt = 2_000
    points: PositiveInt = 9
    per_limit_point: PositiveInt = 5_000  # at each of the numbers of events for which limits need the statistics' distribution
    inject: Literal["poisson", "fixed"] = "poisson"
    seed: int | None = None  # null: the configuration's
    engine: Literal["numba", "numpy"] = "numba"
    n_events: Literal["data"] | PositiveInt = "data"
    scrambled_skies: Annotated[int, Field(ge=0)] = 0  # for the global p-value over all combinations


class Statistics(Strict):
    """What is claimed."""

    cl: Probability = 0.9
    limit_method: Literal["cls", "fc", "neyman", "profile"] = "cls"
    power_constraint: bool = False
    discovery_sigma: list[PositiveFloat] = [3, 5]
    target_error: Probability = 0.02


class Compatibility(Strict):
    """How far the reference mode follows the published scripts."""

    n_trial: PositiveInt = 1000
    signal_ts: Literal["reference", "consistent"] = "reference"
    background: Literal["shared", "fresh"] = "shared"
    scrambles: Literal["exact"] | PositiveInt = 30
    band_deg: PositiveFloat = 360.0


class Campaign(Strict):
    """All combinations of channel and mass of one fit."""

    mode: Literal["annihilation", "decay"] = "annihilation"
    dirac: bool = False
    flavours: list[Literal["e", "mu", "tau"]] = ["mu"]  # detected; each has its own simulation
    spectra: Spectra = Spectra()
    oscillation: Oscillation = Oscillation()
    channels: MassesByChannel = {
        "b": [10, 20, 30, 50, 80, 100, 150, 200, 300],
        "Mu": [5, 10, 20, 30, 50, 80, 100, 150, 200, 300],
        "Tau": [5, 10, 20, 30, 50, 80, 100, 150, 200, 300],
        "W": [90, 100, 150, 200, 300],
        "Nu": [5, 10, 20, 30, 50, 80, 100, 150, 200, 300],
    }
    branching: dict[str, dict[str, PositiveFloat]] = {}  # name of a mixed channel -> shares
    sources: Sources = Sources()
    window: Window = Window()
    pdf: Pdf = Pdf()
    likelihood: Likelihood = Likelihood()
    trials: Trials = Trials()
    statistics: Statistics = Statistics()
    j_nuisance: Literal["none", "total", "marginal", "per_source"] = "total"
    acceptance_syst: Annotated[float, Field(ge=0)] = 0.0
    compare: list[str] = ["limits_{ch}_Fermi_2015.csv", "limits_{ch}_IceCube_2013.csv"]
    workspaces: bool = True
    pyhf_limits: bool = False  # CLs limits by pyhf beside ours, on its workspaces
    hepdata: bool = False  # limits as a submission to HEPData
    compat: Compatibility = Compatibility()


class Plots(FigureStyle):
    """Which figures, in which formats."""

    figures: list[Figure] | Literal["all"] = "all"
    combinations: list[str] | Literal["all"] | None = None  # <channel>_<mass> with figures of their own; null: the first mass of every channel
