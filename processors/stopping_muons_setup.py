"""What the processing of one data set of ``stopping_muons`` needs to know of its configuration, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from configs.saved_columns import columns_for
from configs.schema import StoppingMuonsConfig
from configs.stopping_muons import Cuts
from processors.stopping_muons_labels import ENERGY as MUON_ENERGY
from processors.stopping_muons_labels import TRACK, Rule

Array = NDArray[np.float64]
Role = Literal["nominal", "systematic", "snowstorm", "untriggered", "data"]

TRUTH = {"range": "propagation_length", "energy": "surface_energy"}  # target -> saved name of its truth
ENERGY = TRUTH["energy"]
SCORE, STOPPING, MUONS = "stopping_score", "is_stopping", "num_muons_at_entry"
FROM = {  # derived -> what it is computed from
    "cos_zenith_reco": ("zenith_reco",),
    "propagation_length_reco": ("zenith_reco", "stop_z_reco"),
    "energy_surface_proxy": ("zenith_reco", "stop_z_reco"),
}
SNOWSTORM = "snowstorm_"


@dataclass(frozen=True)
class MuonSetup:
    """One data set: its role, the columns that are saved from it, and what is asked of them.

    ``columns``: saved name -> name in the file; ``edges``: target -> truth bins; ``labels``: path -> name of the file in keys of showers.
    """

    name: str
    role: Role
    columns: Mapping[str, str]
    filtermask: str | None
    cuts: Cuts
    sectors: Mapping[str, Cuts]
    observables: tuple[str, ...]
    edges: Mapping[str, tuple[float, ...]]
    model: str
    nfiles: int
    seed: int
    flat: bool
    replicas: int
    parameters: tuple[str, ...]  # of a SnowStorm set
    label_rule: Rule
    label_volume: Literal["cylinder", "convex_hull"]
    generation_cylinder: tuple[float, float]
    labels: Mapping[str, str]

    @property
    def simulated(self) -> bool:
        """Whether there are truth and weights."""
        return self.role != "data"

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets whose truth is saved (data: all)."""
        return tuple(target for target in self.edges if not self.simulated or TRUTH[target] in self.columns)

    @property
    def checked(self) -> tuple[str, ...]:
        """Columns whose values must be finite: of cuts, sectors and proxies, the truth of simulation, parameters that vary."""
        used = [*self.cuts, *self.observables, *(name for cuts in self.sectors.values() for name in cuts)]
        truth = [TRUTH[target] for target in self.targets] if self.simulated else []
        truth += ["cos_zenith"] if self.role == "untriggered" else [f"{SNOWSTORM}{one}" for one in self.parameters]
        return tuple(dict.fromkeys([*used, *truth]))

    def has(self, name: str) -> bool:
        """Whether a column is saved, or can be derived from saved ones."""
        return name in self.columns or (name in FROM and all(one in self.columns for one in FROM[name]))

    def has_labels(self) -> bool:
        """Whether it is known which events stop."""
        return STOPPING in self.columns or self._has_muons

    def has_multiplicity(self) -> bool:
        """Whether it is known how many muons enter."""
        return MUONS in self.columns or self._has_muons

    @property
    def _has_muons(self) -> bool:
        return all(name in self.columns for name in (*TRACK, *([MUON_ENERGY] if self.label_rule == "leading" else [])))

    def stored(self, name: str) -> str:
        """A column as messages name it: as it is called in the file."""
        return f"{name} ({self.columns[name]})" if name in self.columns else name

    def as_options(self) -> dict[str, Any]:
        """As JSON values, without what the files themselves tell."""
        return {name: value for name, value in asdict(self).items() if name != "labels"}


def role_of(config: StoppingMuonsConfig, name: str) -> Role:
    """What a data set is for."""
    dataset = config.datasets[name]
    if dataset.kind == "data":
        return "data"
    if dataset.level == 0:
        return "untriggered"
    return "systematic" if dataset.systematic else "snowstorm" if dataset.snowstorm else "nominal"


def nominal(config: StoppingMuonsConfig) -> str:
    """Name of the simulation that trees are trained and responses made with. Raises ``InputError`` unless there is exactly one."""
    found = [name for name in config.datasets if role_of(config, name) == "nominal"]
    if not found:
        raise InputError(
            f"{config.source}: inputs: no nominal simulation: give a data set with type mc and level 2, without systematic and snowstorm"
        )
    if len(found) > 1:
        raise InputError(
            f"{config.source}: inputs: {' and '.join(found)} are both nominal simulations (type mc, level 2); put their files into the path of one, "
            f"or say what is varied in the other (systematic, snowstorm)"
        )
    return found[0]


def setup(config: StoppingMuonsConfig, name: str, labels: Mapping[str, str]) -> MuonSetup:
    """What the processing of data set ``name`` needs to know. Raises ``InputError`` for a target whose truth is not saved."""
    dataset, role = config.datasets[name], role_of(config, name)
    columns = {**columns_for(config.keys, dataset.kind, dataset.level), **dataset.columns}
    untouched = role == "untriggered" or name in config.loading_data.cut_exceptions
    systematics = config.systematics
    made = MuonSetup(
        name=name,
        role=role,
        columns=columns,
        filtermask=None if untouched else config.analysis_cuts.filtermask,
        cuts={} if untouched else config.analysis_cuts.cuts,
        sectors={} if role == "untriggered" else systematics.sectors,
        observables=() if role == "untriggered" else tuple(config.reconstructions.observables),
        edges={target: tuple(truth_edges(config, target).tolist()) for target in TRUTH},
        model=config.general.model,
        nfiles=dataset.nfiles or 1,
        seed=config.seed,
        flat=config.options.earth == "flat",
        replicas=config.effective_area.effective_area_iteration_number if role in ("nominal", "untriggered") else 0,
        parameters=tuple(dataset.snowstorm),
        label_rule=config.options.label_rule,
        label_volume=config.options.label_volume,
        generation_cylinder=config.options.generation_cylinder,
        labels=labels,
    )
    for target in TRUTH:
        if target not in made.targets and getattr(config.unfolding, f"unfold_{target}"):
            raise InputError(f"{config.source}: unfold_{target} needs {TRUTH[target]!r}, which keys do not save from data set {name}")
    return made


def truth_edges(config: StoppingMuonsConfig, target: str) -> Array:
    """Edges of the truth bins of ``range`` (m) or ``energy`` (GeV)."""
    low, high, count, log = (getattr(config.binning, one) for one in (f"{target}_min", f"{target}_max", f"n_{target}_bins", f"{target}_log"))
    return np.geomspace(low, high, count + 1) if log else np.linspace(low, high, count + 1)
