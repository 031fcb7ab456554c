"""Figures of the fits of ``iwcd``: composition, light-yield scale, linearity and resolution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from plotting.binned_fit import binned_fit
from plotting.canvas import Array, Scale
from plotting.curves import profile
from plotting.drawn import DrawnFigure
from plotting.iwcd_view import ResultView
from plotting.matrix import correlation, pulls
from plotting.overlay import Spectrum, small
from plotting.points import Points, points_and_curves
from plotting.projections import count_bars
from plotting.style import BLACK, BLUE, ORANGE, PARTICLES, SKY, VERMILLION, Component, looks
from plotting.symbols import MINUS, measured
from plotting.toys import PullSet, toy_pulls
from records.iwcd_fits import Curve, FractionsResult, ProfileCurve, ResponseResult, ResponseSlice, ScaleResult
from records.value import Parameter

Figures = dict[str, Callable[[], DrawnFigure]]

FEW = 10
CURVE_POINTS = 200
SCALE_SYMBOLS = {"scale": r"$\alpha$", "resolution": "$s$", "norm": "$k$"}


def fractions(view: ResultView) -> Figures:
    """Bins with stacked templates and pulls, correlation, pulls of systematics and of toys, and the profile of every group that has one."""
    result: FractionsResult = view.result
    figures: Figures = {"bins": partial(_composition, view)}
    if result.valid and len(result.names) > 1:
        figures["correlation"] = partial(_correlation, view)
    if result.nuisances:
        figures["pulls"] = partial(_pulls, view)
    if result.toys is not None and any(result.toys.pulls.values()):
        figures["toys"] = partial(_toys, view)
    for group, curve in result.profiles.items():
        figures[f"profile_{group}"] = partial(_profile, view, Scale(f"Events of {_group_look(view, group).label}"), curve, result.yields[group])
    return {view.named(name): draw for name, draw in figures.items()}


def scale(view: ResultView) -> Figures:
    """The variable t with the scaled template, and the profile of the scale."""
    result: ScaleResult = view.result
    figures: Figures = {"t": partial(_scaled, view)}
    if result.valid and result.profile.x:
        figures["profile_scale"] = partial(_profile, view, Scale(r"Light-yield scale $\alpha$"), result.profile, result.parameters["scale"])
    return {view.named(name): draw for name, draw in figures.items()}


def response(view: ResultView) -> Figures:
    """Linearity, resolution, and the distribution of every slice with its fitted shape."""
    figures: Figures = {"linearity": partial(_linearity, view), "resolution": partial(_resolution, view), "slices": partial(_slices, view)}
    return {view.named(name): draw for name, draw in figures.items()}


def _group_look(view: ResultView, group: str) -> Component:
    """A group of one particle looks like it; others are called by name and take their first particle's colour."""
    particles = view.result.groups.get(group, [])
    if len(particles) == 1 and particles[0] in PARTICLES:
        return PARTICLES[particles[0]]
    members = "+".join(one.label for one in looks(particles).values())
    return Component(f"{group} ({members})" if members else group, looks(particles)[particles[0]].colour if particles else SKY)


def _composition(view: ResultView) -> DrawnFigure:
    result: FractionsResult = view.result
    bins = result.bins
    look = {group: _group_look(view, group) for group in bins.expected}
    expected = {group: np.array(values) for group, values in bins.expected.items()}
    edges: Array = np.arange(len(bins.data) + 1, dtype=float) + 0.5
    text = (_quality(result), *(("Symmetric errors withheld: see the profiles",) if result.errors_withheld else ()))
    drawn = binned_fit(edges, np.array(bins.data), expected, look, Scale("Bin of the fit"), Scale("Events"), text=text, pull=np.array(bins.pull),
                       numbered=True, style=view.style, caption=view.caption)  # fmt: skip
    return DrawnFigure(drawn.figure, {**drawn.numbers, "bins": bins.labels})


def _quality(result: FractionsResult) -> str:
    """Goodness of fit in words; the p-value is that of toys where there are any."""
    goodness = result.goodness
    if goodness.degrees_of_freedom < 1:
        return "As many parameters as bins: no test of the fit"
    p = goodness.p_asymptotic if goodness.p_toys is None else goodness.p_toys
    return f"$-2\\ln\\lambda$ = {goodness.statistic:.1f} / {goodness.degrees_of_freedom}, p = {p:.2g}"


def _correlation(view: ResultView) -> DrawnFigure:
    labels = [_group_look(view, name).label if name in view.result.groups else name for name in view.result.names]
    return correlation(labels, np.array(view.result.correlation), style=view.style, caption=view.caption)


def _pulls(view: ResultView) -> DrawnFigure:
    found = view.result.nuisances
    values = np.array([one.value for one in found.values()])
    return pulls(list(found), values, np.array([one.error for one in found.values()]), style=view.style, caption=view.caption)


def _toys(view: ResultView) -> DrawnFigure:
    """Pulls of each group over pseudo-experiments at the fitted point."""
    toys = view.result.toys
    sets = [
        PullSet(_group_look(view, name).label, np.array(pulls), toys.pull_mean[name], toys.pull_width[name], toys.near_bound[name])
        for name, pulls in toys.pulls.items()
    ]
    return toy_pulls(sets, style=view.style, caption=view.caption)


def _profile(view: ResultView, x: Scale, curve: ProfileCurve, parameter: Parameter) -> DrawnFigure:
    (low, high), (low95, high95) = curve.interval_68, curve.interval_95
    best = "Best at its bound" if parameter.at_bound else f"Best {parameter.value:.4g}"
    text = (best, f"68 %: {low:.4g} to {high:.4g}", f"95 %: {low95:.4g} to {high95:.4g}")
    intervals = (curve.interval_68, curve.interval_95)
    return profile(x, np.array(curve.x), np.array(curve.delta_nll), intervals=intervals, text=text, style=view.style, caption=view.caption)


def _scaled(view: ResultView) -> DrawnFigure:
    result: ScaleResult = view.result
    what = "Hits" if result.variable == "nhits" else "Charge"
    text = [measured(SCALE_SYMBOLS.get(name, name), one) for name, one in result.parameters.items()]
    text.append(f"$-2\\ln\\lambda$ = {result.goodness.statistic:.1f} / {result.goodness.degrees_of_freedom}")
    edges = np.array(result.edges)
    look = {"template": Component("Scaled template", SKY)}
    expected, x = {"template": np.array(result.expected)}, Scale(f"{what} over the mean curve, t")
    return binned_fit(edges, np.array(result.data), expected, look, x, Scale("Events / bin"),
                      errors=np.array(result.expected_error), text=text, style=view.style, caption=view.caption)  # fmt: skip


def _linearity(view: ResultView) -> DrawnFigure:
    result: ResponseResult = view.result
    energy, bars = _energies(result.slices)
    few = np.array([one.n < FEW for one in result.slices])
    peak, error = (np.array([getattr(one, name) for one in result.slices]) for name in ("peak", "peak_error"))
    at = np.linspace(max(energy.min() * 0.5, 1.0), 1.05 * energy.max(), CURVE_POINTS)
    fitted = _line(result.linearity, at) / at
    points = Points(energy, bars, peak, error, BLACK, few)
    mean = np.average(peak[np.isfinite(error)], weights=error[np.isfinite(error)] ** -2.0) if np.isfinite(error).any() else float(np.mean(peak))
    deviation = {"deviation": Points(energy, bars, 100.0 * (peak / mean - 1.0), 100.0 * error / mean, BLACK, few)}
    reach = 1.3 * float(np.nanmax(np.abs(deviation["deviation"].y) + np.nan_to_num(deviation["deviation"].y_error), initial=1.0))
    spread = float(np.nanmax(peak) - np.nanmin(peak)) or 0.1 * mean
    x = Scale("Visible energy [MeV]", limits=(0.0, float(at[-1])))
    y = Scale(r"Charge / $E_\mathrm{vis}$ [p.e./MeV]", limits=(float(np.nanmin(peak)) - 1.5 * spread, float(np.nanmax(peak)) + 1.5 * spread))
    text = (*(_parameter(name, one) for name, one in result.linearity.parameters.items()), _chi2(result.linearity))
    series = {f"Peak, {looks([result.particle])[result.particle].label}": points}
    return points_and_curves(series, {"$(a + bE + cE^2)/E$": (at, fitted, VERMILLION)}, x, y, text=text,
                             deviation=(deviation, Scale("Dev. [%]", limits=(-reach, reach))), style=view.style, caption=view.caption)  # fmt: skip


def _resolution(view: ResultView) -> DrawnFigure:
    result: ResponseResult = view.result
    energy, bars = _energies(result.slices)
    few = np.array([one.n < FEW for one in result.slices])
    at = np.linspace(max(energy.min() * 0.7, 1.0), 1.05 * energy.max(), CURVE_POINTS)
    series, curves = {}, {}
    for label, curve, width, centre, colour in (
        (r"$\sigma$ / peak", result.resolution, "sigma", "peak", BLUE),
        ("68 % half width / median", result.resolution_from_width, "half_width", "median", ORANGE),
    ):
        middle = np.array([getattr(one, centre) for one in result.slices])
        values, errors = (100.0 * np.array([getattr(one, name) for one in result.slices]) / middle for name in (width, f"{width}_error"))
        series[label] = Points(energy, bars, values, errors, colour, few)
        s, c = curve.parameters["stochastic"], curve.parameters["constant"]
        words = f"S = {s.value:.2f} ± {s.error:.2f} $\\sqrt{{\\mathrm{{MeV}}}}$, C = {100 * c.value:.1f} ± {100 * c.error:.1f} %"
        curves[words] = (at, 100.0 * np.sqrt(s.value**2 / at + c.value**2), colour)
    top = 1.5 * max(float(np.nanmax(one.y + np.nan_to_num(one.y_error))) for one in series.values())
    x, y = Scale("Visible energy [MeV]", limits=(0.0, float(at[-1]))), Scale("Relative resolution [%]", limits=(0.0, top))
    return points_and_curves(series, curves, x, y, text=(r"$\sqrt{S^2/E + C^2}$", result.containment), style=view.style, caption=view.caption)


def _slices(view: ResultView) -> DrawnFigure:
    panels = []
    for one in view.result.slices:
        edges, counts = np.array(one.edges), np.array(one.counts)
        if not len(counts):
            continue
        spectra = {"data": Spectrum("Events", BLACK, counts, count_bars(counts), counts)}
        if len(one.expected):
            spectra["fit"] = Spectrum("Crystal Ball", VERMILLION, np.array(one.expected))
        text = (f"{one.low_mev:.0f}–{one.high_mev:.0f} MeV ({one.n})", *(() if one.valid else (one.reason,)))
        panels.append((edges, spectra, Scale("Charge / visible energy [p.e./MeV]"), text))
    return small(panels, Scale("Events / bin"), columns=min(4, len(panels)), style=view.style, caption=view.caption)


def _energies(slices: list[ResponseSlice]) -> tuple[Array, Array]:
    energy = np.array([one.mean_energy_mev for one in slices])
    return energy, np.array([energy - [one.low_mev for one in slices], np.array([one.high_mev for one in slices]) - energy])


def _line(curve: Curve, at: Array) -> Array:
    a, b, c = (curve.parameters[name].value for name in "abc")
    return a + b * at + c * at**2


def _parameter(name: str, one: Parameter) -> str:
    return f"{name} = {one.value:.3g} ± {one.error:.2g} {one.unit}".replace("-", MINUS).replace("^2", "²")


def _chi2(curve: Curve) -> str:
    return f"$\\chi^2$ = {curve.chi2:.1f} / {curve.degrees_of_freedom}"
