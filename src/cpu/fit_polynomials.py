#!/usr/bin/env python3
"""Prints the polynomial coefficients of kernels/math.h, lowest power first (needs numpy and scipy).

Weighted least squares on Chebyshev nodes, the weights raised where the error is largest until it is
level (Lawson 1961), in float64; the header holds the result rounded to float32.
"""

import numpy as np
from numpy.polynomial import chebyshev, polynomial
from scipy.special import log_ndtr

LOG2_E = 1 / np.log(2)


def minimax(target, low, high, degree, weight):
    """Coefficients that (nearly) minimise max |weight * (p - target)| on [low, high]."""
    angles = (np.arange(6000) + 0.5) * np.pi / 6000
    x = -np.cos(angles)
    points = low + (high - low) * (x + 1) / 2
    values, scale = target(points), weight(points)
    basis, lawson = chebyshev.chebvander(x, degree), np.ones(6000)
    best_error, best = np.inf, None
    for _ in range(400):
        row = np.sqrt(lawson) * scale
        series = np.linalg.lstsq(basis * row[:, None], values * row, rcond=None)[0]
        error = np.abs(basis @ series - values) * scale
        if error.max() < best_error:
            best_error, best = error.max(), series
        lawson *= error / error.max() + 1e-3
        lawson /= lawson.mean()
    slope = 2 / (high - low)
    result, power = np.zeros(1), np.ones(1)
    for coefficient in chebyshev.cheb2poly(best):
        result = polynomial.polyadd(result, coefficient * power)
        power = polynomial.polymul(power, np.array([-1 - slope * low, slope]))
    return result, best_error


def show(name, fitted):
    coefficients, error = fitted
    print(f"{name}: weighted error {error:.1e}")
    print("  " + ", ".join(f"{float(np.float32(c)):.9g}F" for c in coefficients))


def log2_tail(a):
    """log2 of the normal distribution's upper tail at a."""
    return log_ndtr(-a) * LOG2_E


# 2^r, relative error.
show("exp2 on [-0.5, 0.5]", minimax(np.exp2, -0.5, 0.5, 6, lambda r: np.exp2(-r)))
# The error matters in proportion to the tail itself; below 2^-12 less accuracy is enough.
show("log2_tail on [0, 6.5]", minimax(log2_tail, 0.0, 6.5, 11, lambda a: np.minimum(1, np.exp2(log2_tail(a) + 12))))
# sin r = r + r^3 S(r^2), cos r = 1 - r^2 / 2 + r^4 C(r^2), both in s = r^2.
HIGH = (np.pi / 4 + 1e-3) ** 2
show("S", minimax(lambda s: (np.sin(np.sqrt(s)) - np.sqrt(s)) / s**1.5, 0.0, HIGH, 3, lambda s: s))
show("C", minimax(lambda s: (np.cos(np.sqrt(s)) - 1 + s / 2) / s**2, 0.0, HIGH, 2, lambda s: s**2))
