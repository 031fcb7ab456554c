"""L_eff of arXiv:1901.04645 as printed in the paper, in double precision and in many digits: slow and obvious."""

from __future__ import annotations

import math

import mpmath


def textbook(k: float, mu: float, s2: float) -> float:
    """ln L_eff with the formula as printed, in doubles: loses all digits for small s2 (kept as the defect that ours must not have)."""
    alpha, beta = mu**2 / s2 + 1.0, mu / s2
    return alpha * math.log(beta) + math.lgamma(k + alpha) - math.lgamma(k + 1.0) - (k + alpha) * math.log1p(beta) - math.lgamma(alpha)


def exact(k: float, mu: float, s2: float) -> mpmath.mpf:
    """ln L_eff in the working precision of mpmath; s2 = 0 is its limit, Poisson."""
    k, mu, s2 = mpmath.mpf(k), mpmath.mpf(mu), mpmath.mpf(s2)
    if s2 == 0:
        return k * mpmath.log(mu) - mu - mpmath.loggamma(k + 1)
    alpha, beta = mu**2 / s2 + 1, mu / s2
    return (
        alpha * mpmath.log(beta) + mpmath.loggamma(k + alpha) - mpmath.loggamma(k + 1) - (k + alpha) * mpmath.log(1 + beta) - mpmath.loggamma(alpha)
    )


def exact_slopes(k: float, mu: float, s2: float) -> tuple[mpmath.mpf, mpmath.mpf]:
    """d ln L / d mu and d ln L / d s2 by differences in 120 digits."""
    with mpmath.workdps(120):
        step_mu, step_s2 = mpmath.mpf(mu) * mpmath.mpf(10) ** -25, mpmath.mpf(s2) * mpmath.mpf(10) ** -25
        in_mu = (exact(k, mu + step_mu, s2) - exact(k, mu - step_mu, s2)) / (2 * step_mu)
        in_s2 = (exact(k, mu, s2 + step_s2) - exact(k, mu, s2 - step_s2)) / (2 * step_s2)
        return in_mu, in_s2


def barlow_beeston(k: float, mu: float, s2: float) -> float:
    """NLL minimised over the factor f by brute force: f mu - k ln(f mu) + (f - 1)^2 mu^2 / (2 s2) + ln k!."""
    from scipy.optimize import minimize_scalar

    def value(f: float) -> float:
        return f * mu - (k * math.log(f * mu) if k else 0.0) + (f - 1.0) ** 2 * mu**2 / (2.0 * s2) + math.lgamma(k + 1.0)

    return float(minimize_scalar(value, bounds=(1e-12, 50.0), method="bounded", options={"xatol": 1e-12}).fun)
