"""The likelihoods of unfolding as the papers print them, with 60 digits, and loops over cells instead of arrays."""

from __future__ import annotations

import math

import mpmath
import numpy as np


def say(g: float, mu: float, v: float) -> float:
    """Argüelles, Schneider, Yuan, JHEP 06 (2019) 030, eq. 3.16: -ln L."""
    with mpmath.workdps(60):
        g, mu, v = mpmath.mpf(g), mpmath.mpf(mu), mpmath.mpf(v)
        a, b = mu**2 / v + 1, mu / v
        value = a * mpmath.log(b) + mpmath.loggamma(g + a) - mpmath.loggamma(g + 1) - (g + a) * mpmath.log(1 + b) - mpmath.loggamma(a)
        return float(-value)


def bb_lite(g: float, mu: float, v: float) -> float:
    """Conway, arXiv:1103.0354: the profiled factor found by a scan of the derivative, -ln L with ln g!."""
    d = v / mu**2

    def slope(beta: float) -> float:
        return mu - g / beta + (beta - 1) / d

    low, high = 1e-12, 1.0 + 1e3 * math.sqrt(d) + g / mu + 1.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    beta = 0.5 * (low + high)
    return mu * beta - g * math.log(mu * beta) + math.lgamma(g + 1) + (beta - 1) ** 2 / (2 * d)


def objective(problem, theta: np.ndarray) -> float:
    """Poisson objective of a problem with exponential templates, cell by cell."""
    u, d = theta[: problem.n], theta[problem.n : problem.n + len(problem.templates)]
    eps = theta[-1] if problem.epsilon is not None else 1.0
    total = 0.0
    for i in range(problem.m):
        mu = problem.b[i]
        for j in range(problem.n):
            ratio = 1.0
            for template, value in zip(problem.templates, d, strict=True):
                alpha = template.alpha[i, j if template.alpha.shape[1] > 1 else 0]
                beta = template.beta[i, j if template.beta.shape[1] > 1 else 0]
                ratio *= math.exp(alpha * value + beta * value**2)
            mu += eps * problem.W[i, j] / problem.W[:, j].sum() * ratio * math.exp(u[j])
        total += mu - problem.g[i] * math.log(mu) + math.lgamma(problem.g[i] + 1)
    if problem.epsilon is not None:
        total += (eps - 1) ** 2 / (2 * problem.epsilon**2)
    y = [math.log10(math.exp(u[j]) / problem.f_reference[j]) for j in range(problem.n)]
    if problem.tau is not None:
        steps = [y[1] - y[0], *(y[j - 1] - 2 * y[j] + y[j + 1] for j in range(1, problem.n - 1)), y[-1] - y[-2]]
        total += sum(step**2 for step in steps) / (2 * problem.tau)
    return total + 0.5 * sum(value**2 for value in d)
