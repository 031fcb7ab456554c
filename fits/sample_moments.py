"""Mean, variance, third and fourth central moment of a sample of charges, and the covariance of its mean and variance."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError

Array = NDArray[np.float64]
POWERS = 5  # 0..4


@dataclass(frozen=True)
class ChargeMoments:
    """Moments of ``n`` charges: ``variance_pc2`` with n - 1, central moments ``mu3_pc3`` and ``mu4_pc4`` with n."""

    n: int
    mean_pc: float
    variance_pc2: float
    mu3_pc3: float
    mu4_pc4: float

    @classmethod
    def from_sums(cls, sums: ArrayLike, q_ref_pc: float) -> ChargeMoments:
        """From sums (5,) of (q / q_ref_pc)^k, k = 0..4.

        The shift to the mean is done in rational numbers: no digit is lost however narrow the distribution, beyond what the sums have lost.
        Raises InputError for fewer than 2 charges, another number of sums or a reference charge that is not positive.

        >>> ChargeMoments.from_sums([2, 4, 10, 28, 82], 1.0)
        ChargeMoments(n=2, mean_pc=2.0, variance_pc2=2.0, mu3_pc3=0.0, mu4_pc4=1.0)
        """
        values = np.asarray(sums, float)
        if values.shape != (POWERS,) or not np.isfinite(values).all():
            raise InputError(f"moments of the charge need {POWERS} finite sums of powers 0 to 4, found {values.tolist()}; run run_processor.py again")
        _enough(values[0])
        if not q_ref_pc > 0:
            raise InputError(f"the reference charge {q_ref_pc} pC of the moments is not positive; run run_processor.py again")
        n, s1, s2, s3, s4 = (Fraction(float(value)) for value in values)
        m, m2, m3, m4 = s1 / n, s2 / n, s3 / n, s4 / n
        third, fourth = m3 - 3 * m * m2 + 2 * m**3, m4 - 4 * m * m3 + 6 * m * m * m2 - 3 * m**4
        return cls(
            n=int(n),
            mean_pc=float(m) * q_ref_pc,
            variance_pc2=float((m2 - m * m) * n / (n - 1)) * q_ref_pc**2,
            mu3_pc3=float(third) * q_ref_pc**3,
            mu4_pc4=float(fourth) * q_ref_pc**4,
        )

    @classmethod
    def from_charges(cls, charge_pc: ArrayLike) -> ChargeMoments:
        """From single charges (triggers,) in pC. Raises InputError for fewer than 2."""
        q = np.asarray(charge_pc, float)
        _enough(q.size)
        mean = float(q.mean())
        d = q - mean
        return cls(int(q.size), mean, float(q.var(ddof=1)), float(np.mean(d**3)), float(np.mean(d**4)))

    @classmethod
    def noise(cls, variance_pc2: float, n: int) -> ChargeMoments:
        """A Gaussian pedestal of mean 0 whose variance alone is known, as from the noise autocovariance of ``n`` baselines."""
        return cls(n, 0.0, variance_pc2, 0.0, 3.0 * variance_pc2**2)

    @property
    def covariance(self) -> Array:
        """Covariance (2, 2) of mean and variance, as estimated from the sample itself."""
        return sampling_covariance(self.n, self.variance_pc2, self.mu3_pc3, self.mu4_pc4)


def sampling_covariance(n: int, variance: float, mu3: float, mu4: float) -> Array:
    """Covariance (2, 2) of the mean and the variance s^2 of ``n`` charges: [[s^2, mu3], [mu3, mu4 - s^4 (n-3)/(n-1)]] / n.

    Exact for true moments (Stuart and Ord, Kendall's Advanced Theory of Statistics, vol. 1, 6th edition, chapter 12).
    """
    return np.array([[variance, mu3], [mu3, mu4 - variance**2 * (n - 3) / (n - 1)]]) / n


def _enough(n: float) -> None:
    if n < 2:
        raise InputError(f"moments of the charge need at least 2 triggers, found {n:.0f}; take more data or loosen the selection")
