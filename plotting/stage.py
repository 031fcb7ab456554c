"""The plotting stage: ``hists.h5``, ``processing.json`` and ``results.json`` of an output directory -> ``figures/``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from configs.command_line import Progress
from configs.errors import InputError, command
from configs.schema import Config, CustomConfig, DarkMatterConfig, DiffuseConfig, IwcdConfig, PmtGainConfig, StoppingMuonsConfig
from plotting.drawn import Plan, save_figure
from processors.account import load_account
from records.hists import StoredHists
from records.manifest import load_manifest, update_manifest
from records.results import load_results
from records.tables import load_tables

FIGURES = "figures"

WithFigures = IwcdConfig | PmtGainConfig | DarkMatterConfig | StoppingMuonsConfig  # without results too


class Figures(list[Path]):
    """Paths of the files written, images and numbers; ``skipped`` says of every figure asked for and not drawn why."""

    def __init__(self, paths: list[Path], skipped: Mapping[str, str]) -> None:
        super().__init__(paths)
        self.skipped = dict(skipped)


def plot(config: Config, progress: Progress | None = None) -> Figures:
    """Draw the configured figures as PNG and PDF with their numbers in JSON, in ``<output>/figures``; figures of an earlier run are removed.

    Raises ``InputError`` when histograms or results are missing or do not belong together (naming the command to run), and when nothing
    that was asked for can be drawn.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    todo = planned(config)
    if not todo.figures:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in todo.skipped.items())
        raise InputError(f"{config.source.name}: nothing to draw ({reasons or 'plots.figures is empty'})")
    paths = _drawn(config, todo, progress)
    _remove_others(config.output / FIGURES, paths)
    entry = {"started": started.isoformat(timespec="seconds"), "seconds": round(time.perf_counter() - clock, 3), "figures": list(todo.figures)}
    update_manifest(config.output, "plot", {**entry, "skipped": dict(todo.skipped)})
    return Figures(paths, todo.skipped)


def plot_kinds(config: StoppingMuonsConfig, kinds: Sequence[str], progress: Progress | None = None) -> Figures:
    """Draw the figures of some kinds, whatever ``plots.figures`` says, and leave the others as they are. Raises as ``plot``."""
    plots = config.plots.model_copy(update={"figures": list(kinds)})
    todo = planned(config.model_copy(update={"plots": plots}))
    return Figures(_drawn(config, todo, progress), todo.skipped)


def _drawn(config: Config, todo: Plan, progress: Progress | None) -> list[Path]:
    paths: list[Path] = []
    for done, (name, draw) in enumerate(todo.figures.items()):
        if progress is not None:
            progress("figures", done, len(todo.figures))
        paths += save_figure(draw(), config.output / FIGURES, name, config.plots.formats, todo.style)  # type: ignore[attr-defined]
    if progress is not None:
        progress("figures", len(todo.figures), len(todo.figures))
    return paths


def planned(config: Config) -> Plan:
    """Read what the stages before left and decide what to draw."""
    if isinstance(config, IwcdConfig) and not config.datasets:
        from plotting import iwcd

        return iwcd.plan(config, {}, {}, {"datasets": {}}, _results_if_any(config, None))
    if isinstance(config, DiffuseConfig) and not config.datasets:  # joint fits of other configurations
        from plotting import diffuse

        return diffuse.plan(config, {}, {}, _results(config))
    again = f"run: {command('run_processor.py', config.source)}"
    for name in ("hists.h5", "processing.json"):
        if not (config.output / name).is_file():
            raise InputError(f"{config.output / name}: not there, so there is nothing to draw; {again}")
    return _planned(config, StoredHists(config.output / "hists.h5"), load_account(config.output / "processing.json").to_json())


def _planned(config: Config, hists: StoredHists, account: dict[str, Any]) -> Plan:
    """By analysis; the modules of one are imported for it alone, as most bring compiled code."""
    match config:
        case CustomConfig():
            from plotting import custom

            return custom.plan(config, hists, account)
        case DiffuseConfig():
            from plotting import diffuse

            return diffuse.plan(config, hists, account, _results(config))
        case IwcdConfig():
            from plotting import iwcd

            return iwcd.plan(config, hists, load_tables(config.output), account, _results_if_any(config, account["histogram_digest"]))
        case PmtGainConfig():
            from plotting import pmt_gain

            return pmt_gain.plan(config, hists, account, _results_if_any(config, account["histogram_digest"]))
        case DarkMatterConfig():
            from plotting import dark_matter

            return dark_matter.plan(config, hists, load_tables(config.output), account, _results_if_any(config, account["histogram_digest"]))
        case StoppingMuonsConfig():
            from plotting import stopping_muons

            return stopping_muons.plan(config, hists, account, _results_if_any(config, account["histogram_digest"]))
        case _:
            raise InputError(f"{config.source.name}: analysis {config.analysis!r} has no figures yet")


def _results(config: Config) -> dict[str, Any]:
    path = config.output / "results.json"
    if not path.is_file():
        raise InputError(f"{path}: not there; run: {command('run_fit.py', config.source)}")
    return load_results(path)


def _results_if_any(config: WithFigures, histogram_digest: str | None) -> dict[str, Any]:
    """Results of the fits, none where they were not done: events have figures without them. Refuses those of other histograms."""
    if not getattr(config, "fits", True) or not (config.output / "results.json").is_file():
        return {}
    made_from = load_manifest(config.output).get("stages", {}).get("fit", {}).get("histogram_digest")
    if made_from != histogram_digest:
        raise InputError(
            f"{config.output / 'results.json'}: the fits were made from other histograms than hists.h5 holds now; "
            f"run: {command('run_fit.py', config.source)}"
        )
    results = _results(config)
    if isinstance(config, PmtGainConfig | StoppingMuonsConfig):
        return results
    return {name: result for name, result in results.items() if name.partition(".")[0] in config.fits}


def _remove_others(directory: Path, written: list[Path]) -> None:
    """Delete figures and numbers that this run did not write, so that none of another configuration stays beside them."""
    for path in directory.iterdir():
        if path.suffix in {".png", ".pdf", ".json"} and path not in written:
            path.unlink()
