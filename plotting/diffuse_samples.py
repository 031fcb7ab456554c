"""The samples of a joint fit of ``diffuse``: each looked at with the joint fit, and their contours alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from fits.joint_inputs import JointInputs
from fits.joint_result import of_sample
from plotting.contour import Region
from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.style import GREEN, PURPLE, VERMILLION

Draw = Callable[[], DrawnFigure]
ALONE, SCAN = "alone.", ".scan"  # of the names of their results
LEVEL = "0.6827"  # the contour drawn of each
COLOURS, LINES = (VERMILLION, GREEN, PURPLE), ("-.", ":", "-")  # told apart in grey too


def each_sample(fit: FitView, figures: Callable[[FitView], dict[str, Draw]]) -> dict[str, Draw]:
    """Figures of the events of each sample, its name behind theirs; of a fit that is not joint its own."""
    views = samples(fit)
    return {f"{figure}.{name}": draw for name, view in views.items() for figure, draw in figures(view).items()} if views else figures(fit)


def samples(fit: FitView) -> dict[str, FitView]:
    """Every sample of a joint fit as a fit of its own bins with the joint fit's parameters; none for other fits."""
    if not isinstance(fit.inputs, JointInputs):
        return {}
    return {
        name: replace(
            fit, sample=name, inputs=one.inputs, prepared=fit.prepared.samples[name], result=of_sample(fit.result, fit.prepared, name),
            others={}, account=one.inputs.account, failed={}, below=None, areas=None,
        )
        for name, one in fit.inputs.samples.items()
    }  # fmt: skip


def contours_alone(fit: FitView) -> list[Region]:
    """The contour of each sample fitted by itself, where the joint fit has a scan."""
    names = [key.removeprefix(ALONE).removesuffix(SCAN) for key in fit.others if key.startswith(ALONE) and key.endswith(SCAN)]
    scans = {name: fit.others[f"{ALONE}{name}{SCAN}"] for name in names}
    drawn = [(name, one) for name, one in scans.items() if one.contours.get(LEVEL)]
    looks = itertools.cycle(zip(LINES, COLOURS, strict=True))
    return [Region(f"{name} alone", {LEVEL: one.contours[LEVEL]}, one.best, None, *next(looks)) for name, one in drawn]
