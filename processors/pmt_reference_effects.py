"""What single choices of the published analysis do to the charge, measured trigger by trigger on the waveforms at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad

from physics.pulse_shapes import pulse
from processors.pmt_reference import ReferenceResult, reference_chain
from processors.pulse_fit_kernel import DEGENERATE

Array = NDArray[np.float64]

SHIFT_V = -5e-3  # an offset that must not matter
NS_TO_S = 1e-9
C_TO_PC = 1e12


def compare(
    waveform_v: NDArray, t0_ns: ArrayLike, dt_ns: float, cut_v: float, noisy: bool, *, load_ohm: float = 50.0
) -> dict[str, NDArray[np.generic]]:
    """The published chain on negative pulses (n, samples), and variants of it with one choice changed; every value (n,).

    ``reference_accepted``, ``reference_reason`` (index of ``pmt_reference.REASONS``), and where accepted, else NaN: ``reference_charge_pc``
    (negative, with the baseline, as published) with its part ``reference_baseline_charge_pc``; ``reference_onset_ns``, ``reference_tau_rise_ns``,
    ``reference_tau_fall_ns``, ``reference_equal_times``. Variants: ``quadrature_charge_pc``, integrated as published; ``one_minimum_charge_pc``
    and ``one_minimum_excess``, the first minimum instead of the best and its relative excess of the cost; ``lowered_accepted``,
    ``lowered_charge_pc`` and ``lowered_baseline_charge_pc``, after 5 mV were taken off the waveform. ``axis_stretch``: too long a step, relative.
    """
    settings = (t0_ns, dt_ns, cut_v, noisy)
    found = reference_chain(waveform_v, *settings, load_ohm=load_ohm)
    first = reference_chain(waveform_v, *settings, load_ohm=load_ohm, across_samples=False)
    lowered = reference_chain(np.asarray(waveform_v, float) + SHIFT_V, t0_ns, dt_ns, cut_v + SHIFT_V, noisy, load_ohm=load_ohm)
    t0 = np.broadcast_to(np.asarray(t0_ns, float), len(found.accepted))
    samples = waveform_v.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = first.fits.chi2 / found.fits.chi2 - 1
    return {
        "reference_accepted": found.accepted,
        "reference_reason": found.reason,
        "reference_charge_pc": found.charge_pc,
        "reference_baseline_charge_pc": found.baseline_charge_pc,
        "reference_onset_ns": found.onset_ns,
        "reference_tau_rise_ns": found.tau_rise_ns,
        "reference_tau_fall_ns": found.tau_fall_ns,
        "reference_equal_times": found.accepted & (found.fits.status == DEGENERATE),
        "quadrature_charge_pc": quadrature_charge_pc(found, t0, load_ohm),
        "one_minimum_charge_pc": first.charge_pc,
        "one_minimum_excess": excess,
        "lowered_accepted": lowered.accepted,
        "lowered_charge_pc": lowered.charge_pc,
        "lowered_baseline_charge_pc": lowered.baseline_charge_pc,
        "axis_stretch": np.full(len(t0), samples / (samples - 1) - 1),
    }


def quadrature_charge_pc(found: ReferenceResult, t0_ns: Array, load_ohm: float) -> Array:
    """Integrals of the fitted pulses with baseline as published: QUADPACK in coulomb, whose tolerance of 1.5e-8 C any first estimate meets.

    Piessens et al., QUADPACK (1983): QAGS accepts the first estimate, by 21 points, when its error is below the absolute tolerance.
    """
    charge = np.full(len(found.accepted), np.nan)
    for row in np.flatnonzero(found.accepted):
        onset, beta, eta = found.fits.onset_ns[row], found.fits.beta_per_ns[row], found.fits.eta[row]
        area, level = found.fits.area_vns[row], found.baseline_v[row]

        def current_a(t_s: float, onset: float = onset, beta: float = beta, eta: float = eta, area: float = area, level: float = level) -> float:
            return float(level - area * pulse(t_s / NS_TO_S - onset, beta, eta)) / load_ohm

        begin, end = (float(t0_ns[row] + index[row] * found.step_ns) * NS_TO_S for index in (found.begin, found.end))
        charge[row] = quad(current_a, begin, end)[0] * C_TO_PC
    return charge
