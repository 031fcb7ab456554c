"""What is measured of one waveform, sample after sample in plain Python: the slow twin of processors.waveforms and its neighbours.

``t`` are the sample times, ``y`` the voltages of negative pulses.
"""

import math

import numpy as np


def share(t, dt, low, high):
    """Part of the cell around a sample time that a window covers."""
    return max(0.0, min(t + dt / 2, high) - max(t - dt / 2, low)) / dt


def charge_pc(t, y, dt, baseline, gate, load_ohm=50.0):
    return sum(share(when, dt, *gate) * (baseline - volts) for when, volts in zip(t, y, strict=True)) * dt * 1000.0 / load_ohm


def within(t, dt, window):
    """Numbers of the samples in a window; times that agree to a millionth of a sample are equal."""
    return [i for i, when in enumerate(t) if window[0] - 1e-6 * dt <= when <= window[1] + 1e-6 * dt]


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def baseline(t, y, dt, window, estimator):
    """Level, deviation, slope, dip, samples, kept."""
    inside = within(t, dt, window)
    values = [float(y[i]) for i in inside]
    kept = inside
    if estimator != "mean":
        centre = median(values)
        width = 1.482602218505602 * median([abs(value - centre) for value in values])
        width = 3 * (width or np.std(values, ddof=1))
        kept = [i for i in inside if abs(y[i] - centre) <= width]
    mean = sum(y[i] for i in kept) / len(kept)
    level = {"clipped_mean": mean, "mean": mean, "median": median(values), "none": 0.0}[estimator]
    deviation = math.sqrt(sum((y[i] - mean) ** 2 for i in kept) / (len(kept) - 1))
    slope = np.polynomial.Polynomial.fit([t[i] for i in kept], [y[i] for i in kept], 1).convert().coef
    return level, deviation, slope[1] if len(slope) > 1 else 0.0, level - min(values), len(inside), len(kept)


def autocovariance(t, y, dt, window, lags):
    values = [y[i] for i in within(t, dt, window)]
    found = []
    for lag in range(lags):
        pairs = [(values[i] - values[i + lag]) ** 2 / 2 for i in range(len(values) - lag)]
        found.append(np.var(values, ddof=1) - sum(pairs) / len(pairs) if pairs else math.nan)
    return found


def crossing(t, y, level, peak, step):
    """Time at which the waveform leaves a negative peak through a level, going back (step -1) or on (+1)."""
    i = peak
    while 0 <= i < len(y) and y[i] < level:
        i += step
    if not 0 <= i < len(y):
        return math.nan
    if i == peak:
        return t[peak]
    inner = i - step
    return t[inner] + (t[i] - t[inner]) * (level - y[inner]) / (y[i] - y[inner])


def times(t, y, dt, level, gate):
    """Amplitude, time of the extreme, 20 % and 50 % times, rise time, width."""
    inside = within(t, dt, gate)
    if not inside:
        return [math.nan] * 6
    peak = min(inside, key=lambda i: (y[i], i))
    size = level - y[peak]
    if not size > 0:
        return [size, t[peak]] + [math.nan] * 4
    before = {share: crossing(t, y, level - share * size, peak, -1) for share in (0.1, 0.2, 0.5, 0.9)}
    behind = crossing(t, y, level - 0.5 * size, peak, +1)
    return [size, t[peak], before[0.2], before[0.5], before[0.9] - before[0.1], behind - before[0.5]]


def further(t, y, dt, level, noise, start, load_ohm=50.0):
    """(time, height, charge) of pulses behind a time."""
    height = [level - volts for volts in y]
    found = []
    candidates = [i for i, when in enumerate(t) if when >= start - 1e-6 * dt]
    i = valley = candidates[0] if candidates else len(t)
    while i < len(t):
        if height[i] < height[valley]:
            valley = i
        if height[i] > 5 * noise and height[i] - height[valley] > 5 * math.sqrt(2) * noise:
            peak = i
            while i < len(t) and height[peak] - height[i] <= 5 * math.sqrt(2) * noise:
                if height[i] > height[peak]:
                    peak = i
                i += 1
            first = last = peak
            while first - 1 >= valley and height[first - 1] > 0.1 * height[peak]:
                first -= 1
            while last + 1 < len(t) and height[last + 1] > 0.1 * height[peak]:
                last += 1
            found.append((t[peak], height[peak], sum(height[first : last + 1]) * dt * 1000.0 / load_ohm))
            valley = min(i, len(t) - 1)
        else:
            i += 1
    return found
