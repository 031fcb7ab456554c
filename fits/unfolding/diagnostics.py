"""Whether Markov chains have converged: autocorrelation after burn-in, independent ensembles compared, acceptance, stuck walkers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS_PER_TAU = 50.0  # below, the autocorrelation time itself is not known (emcee, arXiv:1202.3665)
EFFECTIVE_SAMPLES = 1000.0
R_HAT = 1.01
ACCEPTANCE = (0.15, 0.70)
BEHIND = 30.0  # ln p that a walker's best may lie below the median of all


@dataclass(frozen=True)
class Convergence:
    """Numbers of a set of ensembles. ``tau_steps``: largest integrated autocorrelation time, of ``slowest``; ``behind``: of the worst walker."""

    steps: int
    walkers: int
    ensembles: int
    tau_steps: float
    slowest: str
    effective_samples: float
    r_hat: float
    r_hat_of: str
    acceptance: float
    behind: float

    @property
    def failures(self) -> list[str]:
        """What has not converged, each with its number and what it has to be; empty when all is well."""
        found = []
        if not self.steps >= STEPS_PER_TAU * self.tau_steps:
            found.append(
                f"{self.steps} steps are {self.steps / self.tau_steps:.1f} autocorrelation times of {self.tau_steps:.0f} steps ({self.slowest}), "
                f"{STEPS_PER_TAU:g} needed"
            )
        if not self.effective_samples >= EFFECTIVE_SAMPLES:
            found.append(f"{self.effective_samples:.0f} effective samples, {EFFECTIVE_SAMPLES:g} needed")
        if not self.r_hat < R_HAT:
            found.append(f"R-hat {self.r_hat:.4f} ({self.r_hat_of}), less than {R_HAT} needed")
        if not ACCEPTANCE[0] <= self.acceptance <= ACCEPTANCE[1]:
            found.append(f"acceptance {self.acceptance:.3f}, {ACCEPTANCE[0]} to {ACCEPTANCE[1]} needed")
        if not self.behind <= BEHIND:
            found.append(f"a walker never came closer than {self.behind:.0f} in ln p to the others, at most {BEHIND:g} allowed")
        return found

    def as_dict(self) -> dict[str, float | int | str]:
        """All numbers by name."""
        return dataclasses.asdict(self)


def assess(chains: Array, log_probability: Array, acceptance: float, names: tuple[str, ...]) -> Convergence:
    """Convergence of ``chains`` (ensembles, steps, walkers, parameters) after burn-in with their ``log_probability`` (ensembles, steps, walkers)."""
    ensembles, steps, walkers, _ = chains.shape
    tau = np.max([autocorrelation_time(chain) for chain in chains], axis=0)
    slow = int(np.argmax(tau))
    r_hat = split_r_hat(chains)
    worst = int(np.argmax(r_hat))
    best = log_probability.max(axis=1).ravel()
    return Convergence(
        steps=steps,
        walkers=walkers,
        ensembles=ensembles,
        tau_steps=float(tau[slow]),
        slowest=names[slow],
        effective_samples=ensembles * steps * walkers / float(tau[slow]),
        r_hat=float(r_hat[worst]),
        r_hat_of=names[worst],
        acceptance=acceptance,
        behind=float(np.median(best) - best.min()),
    )


def autocorrelation_time(chain: Array) -> Array:
    """Integrated autocorrelation time in steps (parameters,) of one ensemble (steps, walkers, parameters); infinite where nothing moves."""
    from emcee.autocorr import integrated_time

    moving = chain.std(axis=(0, 1)) > 0
    found = np.full(chain.shape[-1], np.inf)
    if moving.any() and chain.shape[0] > 1:
        with np.errstate(invalid="ignore", divide="ignore"):
            found[moving] = integrated_time(chain[:, :, moving], tol=0, quiet=True)
    return np.where(np.isfinite(found), np.maximum(found, 1.0), np.inf)


def split_r_hat(chains: Array) -> Array:
    """Split R-hat (parameters,) of ensembles (ensembles, steps, walkers, parameters): walkers pooled, each ensemble cut in two halves.

    A. Gelman, D. Rubin, Stat. Sci. 7 (1992) 457, with halves as in Bayesian Data Analysis, 3rd ed., section 11.4.
    """
    half = chains.shape[1] // 2
    if half < 1:
        return np.full(chains.shape[-1], np.inf)
    halves = np.concatenate([chains[:, :half], chains[:, -half:]])
    pooled = halves.reshape(halves.shape[0], -1, halves.shape[-1])
    count = pooled.shape[1]
    within = pooled.var(axis=1, ddof=1).mean(axis=0)
    between = pooled.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: Array = np.sqrt((count - 1) / count + between / within)
    return np.where(np.isnan(ratio), np.inf, ratio)
