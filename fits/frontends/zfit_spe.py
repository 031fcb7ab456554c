"""The spectrum fit in zfit: pedestal and LED spectrum as one extended binned pdf in TensorFlow operations.

The characteristic function is written a second time, so that the agreement of both engines says something. TensorFlow has no Faddeeva
function: for ``dossi`` our own likelihood and gradient are handed to zfit's minimiser. Traps of zfit 0.28: see ``fits.frontends.zfit``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fits.frontends.outcome import minimum_of
from fits.frontends.zfit import TOLERANCE, import_zfit, quiet, simple_loss
from fits.minimise import Minimum
from fits.spe_likelihood import FLOOR, SpeLikelihood

Array = NDArray[np.float64]


@quiet
def minimise(likelihood: SpeLikelihood, *, minos: Iterable[str] = (), fixed: Mapping[str, float] | None = None) -> Minimum:
    """Fit with zfit; the result's ``nll`` is our likelihood at its minimum. ``fixed``: parameters held at a value."""
    zfit = import_zfit()
    held = fixed or {}
    loss, own = _loss(likelihood, held)
    free = [parameter for parameter, name in zip(own, likelihood.names, strict=True) if name not in held]
    result = zfit.minimize.Minuit(tol=TOLERANCE, gradient="zfit").minimize(loss, params=free)
    places = [i for i, name in enumerate(likelihood.names) if name not in held]
    theta = np.array([held.get(one.name, one.start) for one in likelihood.parameters])
    theta[places] = [float(result.params[parameter]["value"]) for parameter in free]
    if not (result.valid and result.converged):  # zfit counts a parameter at its limit as a failure
        unknown = np.full((theta.size, theta.size), np.nan)
        return minimum_of(likelihood, theta, unknown, {}, valid=False, reason=f"zfit: {result.message or 'no convergence'}")
    covariance = np.zeros((theta.size, theta.size))
    covariance[np.ix_(places, places)] = result.covariance(params=free, method="hesse_np")
    wanted = {name: parameter for name, parameter in zip(likelihood.names, own, strict=True) if name in set(minos) - held.keys()}
    errors = result.errors(list(wanted.values()), method="minuit_minos", cl=None)[0] if wanted else {}
    intervals = {name: (float(errors[parameter]["lower"]), float(errors[parameter]["upper"])) for name, parameter in wanted.items()}
    return minimum_of(likelihood, theta, covariance, intervals, valid=True, edm=float(result.edm))


def _loss(likelihood: SpeLikelihood, held: Mapping[str, float]) -> tuple[Any, list[Any]]:
    """The loss and a zfit parameter for each of ours."""
    zfit = import_zfit()
    if likelihood.model.name not in PHOTOELECTRON:
        loss = simple_loss(likelihood)
        by_name = {parameter.name: parameter for parameter in loss.get_params(floating=None)}
        own = [by_name[name] for name in likelihood.names]
    else:
        own = [_parameter(zfit, one) for one in likelihood.parameters]
        data = np.concatenate([likelihood.spectra.led, likelihood.spectra.pedestal])
        space = zfit.Space("bin", binning=zfit.binned.RegularBinning(data.size, 0, float(data.size), name="bin"))
        loss = zfit.loss.ExtendedBinnedNLL(_pdf(likelihood, own, space), zfit.data.BinnedData.from_tensor(space, values=data))
    for parameter, one in zip(own, likelihood.parameters, strict=True):
        parameter.set_value(held.get(one.name, one.start))
    return loss, own


def _parameter(zfit: Any, one: Any) -> Any:
    lower, upper = (value if math.isfinite(value) else None for value in (one.lower, one.upper))
    return zfit.Parameter(one.name, one.start, lower, upper, stepsize=0.1 * max(abs(one.start), 0.01))


def _pdf(likelihood: SpeLikelihood, own: Sequence[Any], space: Any) -> Any:
    """The pdf over the bins of both spectra, first the one with light; its yield is the number of all events."""
    zfit = import_zfit()
    expected = _expected(likelihood)
    named = {f"p{i}": parameter for i, parameter in enumerate(own)}

    class Spectra(zfit.pdf.BaseBinnedPDF):  # type: ignore[name-defined]
        """Expected counts in every bin."""

        def _values(self) -> list[Any]:
            return [self.params[f"p{i}"].value() for i in range(len(own))]

        def _counts(self, x: Any, norm: Any = None) -> Any:
            return expected(self._values())

        def _rel_counts(self, x: Any, norm: Any = None) -> Any:
            counts = expected(self._values())
            return counts / zfit.z.numpy.sum(counts)

    total = zfit.ComposedParameter("events", lambda params: zfit.z.numpy.sum(expected([params[key] for key in named])), params=named)
    return Spectra(obs=space, extended=total, params=named, name="charge_spectra")


def _expected(likelihood: SpeLikelihood) -> Callable[[Sequence[Any]], Any]:
    """Function of the parameters' tensors that gives the counts (2 (bins + 2),)."""
    import tensorflow as tf

    grid = likelihood.grid
    omega_host = grid.frequencies(likelihood.own[1].lower)
    kernel = tf.constant(grid.kernel(omega_host), tf.complex128)
    omega = tf.constant(omega_host, tf.float64)
    i_omega = tf.complex(tf.zeros_like(omega), omega)
    inside = np.arange(grid.offset, grid.offset + grid.stride * grid.bins, grid.stride)
    under = np.arange(grid.offset % grid.stride, grid.offset, grid.stride)
    photoelectron, background = PHOTOELECTRON[likelihood.model.name], likelihood.model.name == "bellamy"

    def complex_of(value: Any) -> Any:
        return tf.complex(tf.cast(value, tf.float64), tf.constant(0.0, tf.float64))

    def counts(values: Sequence[Any], light: bool, events: float) -> Any:
        q0, s0, mu, *own = values
        phi = tf.exp(i_omega * complex_of(q0) - complex_of(0.5 * (s0 * omega) ** 2))
        if light:
            phi *= tf.exp(complex_of(mu) * (photoelectron(tf, omega, i_omega, own, complex_of) - 1.0))
        if background:
            w, a = own[2], own[3]
            phi *= complex_of(1.0 - w) + complex_of(w) / (1.0 - i_omega / complex_of(a))
        spectrum = tf.pad(tf.math.conj(phi) * kernel, [[0, grid.n // 2 + 1 - omega_host.size]])
        points = tf.signal.irfft(spectrum, [grid.n])
        middle, low = tf.gather(points, inside), tf.reduce_sum(tf.gather(points, under))
        every = tf.concat([[low], middle, [1.0 - low - tf.reduce_sum(middle)]], axis=0)
        return events * (every + FLOOR)

    def both(values: Sequence[Any]) -> Any:
        spectra = likelihood.spectra
        return tf.concat([counts(values, True, float(spectra.led.sum())), counts(values, False, float(spectra.pedestal.sum()))], axis=0)

    return both


def _gauss(tf: Any, omega: Any, i_omega: Any, own: Sequence[Any], complex_of: Callable[[Any], Any]) -> Any:
    q1, delta = own[:2]
    return tf.exp(i_omega * complex_of(q1) - complex_of(0.5 * (delta * q1 * omega) ** 2))


def _gamma(tf: Any, omega: Any, i_omega: Any, own: Sequence[Any], complex_of: Callable[[Any], Any]) -> Any:
    q1, delta = own
    b = delta**2
    return tf.exp(-tf.math.log(1.0 - i_omega * complex_of(q1 * b)) / complex_of(b))


PHOTOELECTRON: Mapping[str, Callable[..., Any]] = {"gauss": _gauss, "bellamy": _gauss, "gamma": _gamma}
