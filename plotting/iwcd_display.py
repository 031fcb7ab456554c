"""The unrolled tank: single events (also in space), and the mean charge of each photomultiplier.

Hits of single events are read from the input file itself, which the event table names: they exist nowhere else, and any event can be shown
without processing again. Where the file is gone the display is left out with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from configs.iwcd import Processor
from physics.particles import MASS_MEV, cherenkov_angle
from physics.tank import direction_from_angles
from physics.tank_geometry import Geometry
from plotting.canvas import Array, Caption
from plotting.drawn import DrawnFigure
from plotting.iwcd_samples import of_particle
from plotting.iwcd_view import DatasetView
from plotting.wall import Track, WallPanel, wall
from plotting.wall_3d import wall_3d
from processors.event_columns import Place
from processors.iwcd import IwcdProcessor
from processors.iwcd_hits import Hits, flat_hits
from readers import open_source
from readers.events import with_metadata
from readers.source import ReadError

Figures = dict[str, Callable[[], DrawnFigure]]

SEVERAL_RINGS = ("pi0", "unknown")
CHARGE, TIME = "Hit charge [p.e.]", "Hit time [ns]"


def occupancy(view: DatasetView) -> Figures:
    """Mean charge per selected event in each photomultiplier, one wall for each particle."""
    geometry = geometry_of(view)
    if "occupancy_charge" not in view.hists or geometry is None or not view.particles:
        return {}
    return {view.named("occupancy"): partial(_occupancy, view, geometry)}


def displays(view: DatasetView) -> tuple[Figures, dict[str, str]]:
    """Charge and time on the unrolled wall for the first selected events with hits of each particle; and why some cannot be drawn."""
    wanted, geometry = view.config.plots.event_displays, geometry_of(view)
    name = view.named("display")
    if not wanted or view.events is None:
        return {}, {}
    if geometry is None:
        return {}, {name: "the places of the photomultipliers are not known; give processor.tank.geometry"}
    figures: Figures = {}
    skipped = {}
    for particle in view.particles:
        rows = np.flatnonzero((view.events["particle"] == particle) & view.events["selected"] & (view.events["nhits"] > 0))[:wanted]
        for number, row in enumerate(rows):
            file = str(view.events["file"][row])
            if Path(file).is_file():
                figures[f"{name}_{particle}_{number}"] = partial(_display, view, geometry, particle, int(row))
                if number == 0:
                    figures[f"{name}_3d_{particle}"] = partial(_display_3d, view, geometry, particle, int(row))
            else:
                skipped[f"{name}_{particle}_{number}"] = f"{file} is not there any more"
    return figures, skipped


def geometry_of(view: DatasetView) -> Geometry | None:
    """Photomultipliers of the configured tank, null where their places are not known."""
    options = view.config.processor
    return IwcdProcessor(options).geometry if isinstance(options, Processor) else None


def read_hits(view: DatasetView, row: int) -> Hits:
    """Hits of one row of the event table, from its file. Raises ``InputError`` when the file is not what was processed."""
    assert view.events is not None
    file, entry = str(view.events["file"][row]), int(view.events["row"][row])
    dataset = view.config.datasets[view.name]
    try:
        with open_source(file, dataset.format, tree=dataset.tree, columns=dataset.columns) as source:
            events = with_metadata(source.events(entry, entry + 1), {"filename": file, "entrystart": entry})
            hits = flat_hits(events, getattr(view.config.processor, "digitise_smear_ns", 0.0), Place(file, entry))
    except ReadError as error:
        raise InputError(f"{file}: event {entry} cannot be read for its display ({error}); set plots.event_displays: 0, or run again") from None
    if int(hits.counts.sum()) != int(view.events["nhits"][row]):
        raise InputError(
            f"{file}: event {entry} has {hits.counts.sum()} hits, its event table {view.events['nhits'][row]}; run run_processor.py again"
        )
    return hits


def on_photomultipliers(hits: Hits, values: NDArray[np.floating[Any]], count: int, combine: Literal["sum", "first"]) -> Array:
    """One value for each photomultiplier, NaN without a hit; of several hits the sum or the first (smallest)."""
    assert hits.pmt is not None
    found = np.full(count, 0.0 if combine == "sum" else np.inf)
    (np.add if combine == "sum" else np.minimum).at(found, hits.pmt, values.astype(float))
    hit = np.zeros(count, bool)
    hit[hits.pmt] = True
    return np.where(hit, found, np.nan)


def _occupancy(view: DatasetView, geometry: Geometry) -> DrawnFigure:
    panels = []
    for name in view.particles:
        sums = np.asarray(of_particle(view.hists["occupancy_charge"], name).values(), float) / max(view.selected(name), 1.0)
        text = (view.looks[name].label, f"{view.selected(name):.0f} events")
        panels.append(WallPanel(np.where(sums > 0.0, sums, np.nan), "Mean charge per event [p.e.]", True, text))
    return wall(panels, geometry.position_cm, view.tank, style=view.style, caption=view.caption)


def _display(view: DatasetView, geometry: Geometry, particle: str, row: int) -> DrawnFigure:
    """Charge and time on the unrolled wall."""
    event, hits, track = _event(view, particle, row)
    panels = [_charges(view, geometry, particle, event, hits, track)]
    if hits.time_ns is not None:
        times = on_photomultipliers(hits, hits.time_ns - float(event["time_zero"]), len(geometry), "first")
        cone = ", line: Cherenkov cone" if np.isfinite(track.angle) else ""
        panels.append(WallPanel(times, TIME, False, ("Open circle: vertex", f"cross: direction{cone}"), track))
    return wall(panels, geometry.position_cm, view.tank, style=view.style, caption=_caption(view, event))


def _display_3d(view: DatasetView, geometry: Geometry, particle: str, row: int) -> DrawnFigure:
    """Charge in space."""
    event, hits, track = _event(view, particle, row)
    panel = _charges(view, geometry, particle, event, hits, track)
    return wall_3d(panel, geometry.position_cm, view.tank, style=view.style, caption=_caption(view, event))


def _event(view: DatasetView, particle: str, row: int) -> tuple[dict[str, Any], Hits, Track]:
    """Columns of the table, hits of the file and the true track of one event."""
    assert view.events is not None
    event = {name: values[row] for name, values in view.events.columns.items()}
    theta, phi = np.arccos(np.clip(event["cos_zenith"], -1.0, 1.0)), event["azimuth"]
    angle = float("nan") if particle in SEVERAL_RINGS else float(cherenkov_angle(float(event["energy"]), MASS_MEV.get(particle, np.nan)))
    track = Track(np.array([event["x"], event["y"], event["z"]], float), direction_from_angles(theta, phi), angle)
    return event, read_hits(view, row), track


def _charges(view: DatasetView, geometry: Geometry, particle: str, event: Mapping[str, Any], hits: Hits, track: Track) -> WallPanel:
    charge = on_photomultipliers(hits, hits.charge, len(geometry), "sum")
    energy = f"{event['evis']:.0f} MeV visible" if np.isfinite(event["evis"]) else f"{event['energy']:.0f} MeV total energy"
    text = (view.looks[particle].label, energy, f"{event['nhits']} hits, {event['charge']:.0f} p.e.",
            f"dwall {event['dwall']:.0f} cm, towall {event['towall']:.0f} cm")  # fmt: skip
    return WallPanel(charge, CHARGE, True, text, track)


def _caption(view: DatasetView, event: Mapping[str, Any]) -> Caption:
    right = f"{view.name}: {Path(str(event['root_file'])).name}, event {event['event_id']}" if "root_file" in event else view.name
    return Caption(view.caption.label, right, view.caption.notes, view.caption.warnings)
