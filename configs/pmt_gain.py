"""Options of the analysis ``pmt_gain``: runs, gate, baseline, selection, pulse fit, gain estimators, figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from configs.errors import nearest
from configs.figure_style import FigureStyle
from configs.strict import Strict

Requirement = Literal["require", "flag", "off"]
SpeModel = Literal["gamma", "dossi", "bellamy", "gauss"]
Fraction = Annotated[float, Field(ge=0, le=1)]

FIGURES_OF_RUN = ("gain_curve", "mean_charge", "lambda_hv", "variance_mean", "efficiency_hv", "timing_hv", "nominal_hv_table")
FIGURES_OF_TUBE = ("charge_spectra", "charge", "spe_fit", "trace", "waveform", "persistence", "shape", "timing", "late", "stability")
FIGURES = (*FIGURES_OF_RUN, *FIGURES_OF_TUBE)


class Baseline(Strict):
    """How the level before the pulse is taken; its samples end ``end_before_onset_ns`` before the leading edge of the mean pulse."""

    estimator: Literal["clipped_mean", "mean", "median", "none"] = "clipped_mean"
    end_before_onset_ns: PositiveFloat = 6.0
    min_samples: PositiveInt = 20


class Selection(Strict):
    """Ordered steps: ``require`` drops triggers from every estimator, ``flag`` from the sample ``selected`` alone, ``off`` does not look."""

    saturated: Requirement = "require"
    baseline: Requirement = "require"
    single_pulse: Requirement = "flag"
    pulse_found: Requirement = "flag"
    amplitude_cut: Requirement = "flag"
    window: Requirement = "flag"
    fit_ok: Requirement = "flag"


class PulseFit(Strict):
    """Fit of the pulse shape to every waveform."""

    enabled: bool = True
    pulse_model: Literal["biexp", "biexp_gauss"] = "biexp"
    onset_range_ns: tuple[float, float] | None = None  # null: from the mean pulse
    c_starts: list[float] | Literal["dense"] = [0.0, -1.0]  # starts of the onset, in samples from the 10 % crossing
    max_iterations: PositiveInt = 100
    ftol: PositiveFloat = 1e-10
    xtol: PositiveFloat = 1e-6


class Processor(Strict):
    """Waveforms -> histograms, and a table of triggers on request."""

    polarity: Literal["negative", "positive"] = "negative"
    load_ohm: PositiveFloat | Literal["auto"] = 50.0  # auto: of the input, as the files' coupling says
    gate: Literal["auto"] | tuple[float, float] = "auto"  # ns in the record; auto: -2 to +22 ns around the mean pulse's 10 % edge
    baseline: Baseline = Baseline()
    pedestal: Literal["auto", "off", "pre", "variance"] = "auto"
    selection: Selection = Selection()
    fit: PulseFit = PulseFit()
    allow_processed: bool = False  # averaged or filtered traces
    waveform_table: bool = False
    compare_reference: bool = False  # also the published chain beside ours, for validation alone


class MeanCharge(Strict):
    """Errors of the mean charge beyond statistics, relative."""

    estimator: Literal["gate", "fit"] = "gate"
    syst_uncorrelated: Annotated[float, Field(ge=0)] = 0.01  # gain steps of the oscilloscope between points
    syst_scale: Annotated[float, Field(ge=0)] = 0.02  # load and calibration, common to all


class Photostatistics(Strict):
    """Gain from mean and variance; ``delta``: relative width of the charge of one photo-electron.

    ``anchor``: the scale of the common light is combined with gains at low light of the same tube.
    """

    delta: PositiveFloat = 0.40
    delta_error: Annotated[float, Field(ge=0)] = 0.10
    joint_over_hv: bool = True
    anchor: bool = True


class SinglePhotoelectron(Strict):
    """Fits of low-light spectra, on points tagged ``light: low``."""

    models: list[SpeModel] = ["gamma", "dossi", "bellamy", "gauss"]
    frontend: Literal["iminuit", "zfit"] = "iminuit"


class ModelIndependent(Strict):
    """Occupancy from the share below a cut, scanned in pedestal widths (Saldanha et al., arXiv:1602.03150)."""

    qc_scan: tuple[float, float] = (-1.0, 1.5)
    bootstrap: PositiveInt = 1000


class GainCurve(Strict):
    """Power law of gain against voltage."""

    input: Literal["auto", "photostatistics", "variance_mean", "spe", "relative"] = "auto"
    pivot_v: PositiveFloat | None = None  # null: geometric mean of the voltages
    nominal_gain: list[PositiveFloat] = [1.0e6, 5.0e6, 1.0e7]
    n_dynodes: PositiveInt | None = None
    exclude_saturated_above: Fraction = 0.01


class Fits(Strict):
    """What is made of the histograms."""

    mean_charge: MeanCharge = MeanCharge()
    photostat: Photostatistics = Photostatistics()
    spe: SinglePhotoelectron = SinglePhotoelectron()
    saldanha: ModelIndependent = ModelIndependent()
    gain_curve: GainCurve = GainCurve()


class Plots(FigureStyle):
    """Which figures, in which formats."""

    figures: list[str] | Literal["all"] = "all"
    spread: bool = False  # of single charges as a faint bar on the curves

    @field_validator("figures", mode="before")
    @classmethod
    def _known_figures(cls, figures: Any) -> Any:
        if isinstance(figures, str) and figures != "all":
            raise ValueError(f"give a list of figures, [{figures}], or all")
        for name in figures if isinstance(figures, list) else []:
            if name not in FIGURES:
                raise ValueError(f"{name!r} is no kind of figure{nearest(str(name), FIGURES)}")
        return figures
