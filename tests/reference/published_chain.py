"""One waveform as the published analysis treats it, its steps in plain Python: resample, fit point by point, integrate numerically.

It stands for the cost of that chain (its own fit calls Python through PyROOT, which is slower); it is not the validation of specification 9.
"""

import math

import numpy as np
from iminuit import Minuit
from scipy.integrate import quad
from scipy.signal import resample

POINTS = 150
BOUNDS = [(-10.0, 0.0), (40.0, 55.0), (0.1, 10.0), (0.1, 10.0)]


def pulse(t, a, c, rise, fall):
    return a * (math.exp(-(t - c) / fall) - math.exp(-(t - c) / rise)) if t > c else 0.0


def area_vns(first_ns, length_ns, volts):
    """Area of b - V of a negative pulse in V ns."""
    time, short = np.linspace(first_ns, first_ns + length_ns, POINTS), resample(volts, POINTS)
    lowest = int(np.argmin(short[20:-20])) + 20
    baseline = short[1 : lowest - 6].mean()
    points = list(zip(time[lowest - 26 : lowest + 60].tolist(), short[lowest - 26 : lowest + 60].tolist(), strict=True))

    def cost(a, c, rise, fall):
        return sum((y - baseline - pulse(t, a, c, rise, fall)) ** 2 for t, y in points)

    minuit = Minuit(cost, a=2.5 * short[lowest], c=time[lowest] - 2.0, rise=0.93, fall=3.5)
    minuit.limits, minuit.errordef = BOUNDS, 1.0
    minuit.migrad()
    return -quad(lambda t: pulse(t, *minuit.values), points[0][0], points[-1][0])[0]
