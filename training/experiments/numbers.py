"""Tasks on numbers."""

import numpy as np

from training.experiments.sequences import SequenceTask, Series


def adding(random: np.random.Generator, length: int) -> Series:
    """Two numbers of a sequence are marked, one in each half; their sum is asked for at the end.

    Hochreiter and Schmidhuber 1997, experiment 4, with numbers from 0 to 1 as in Le et al. 2015,
    and a mark in each half as in Arjovsky et al. 2016. Answering 1 has a root mean square error of
    0.41.
    """
    values = random.uniform(size=length)
    half = length // 2
    marks = np.zeros(length)
    marks[[random.integers(half), random.integers(half, length)]] = 1
    mask = np.arange(length) == length - 1
    y = np.where(mask, (values * marks).sum(), 0)
    return Series(np.stack([values, marks], axis=1), y[:, None], mask)


def mackey_glass(random: np.random.Generator, length: int) -> Series:
    """A chaotic series of numbers from 0.2 to 1.4, to be known a step ahead.

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x (Mackey and Glass 1977), by ten steps of
    Runge and Kutta's method for each step of the series. Outputs of the first 100 steps do not
    count, until when a network has forgotten its initial state.
    """
    delay, parts, skipped = 17, 10, 500
    h = 1 / parts
    x = [1.2 + 0.2 * float(random.uniform(-1, 1))] * (delay * parts + 1)

    def slope(now: float, before: float) -> float:
        return 0.2 * before / (1 + before**10) - 0.1 * now

    for _ in range((skipped + length + 1) * parts):
        now, before, after = x[-1], x[-delay * parts - 1], x[-delay * parts]
        between = (before + after) / 2
        k1 = slope(now, before)
        k2 = slope(now + h / 2 * k1, between)
        k3 = slope(now + h / 2 * k2, between)
        k4 = slope(now + h * k3, after)
        x.append(now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    series = np.array(x[-(length + 1) * parts :: parts])
    return Series(series[:-1, None], series[1:, None], np.arange(length) >= 100)


def sines(random: np.random.Generator, length: int) -> Series:
    """A fast sine wave whose loudness follows a slow one, to be known a step ahead.

    Periods of 10 and 100 steps, with random phases. Outputs of the first 100 steps do not count,
    until when a network has seen both waves.
    """
    fast, slow = random.uniform(0, 2 * np.pi, size=2)
    t = np.arange(length + 1)
    loudness = 1 + np.sin(2 * np.pi * t / 100 + slow)
    wave = loudness / 2 * np.sin(2 * np.pi * t / 10 + fast)
    return Series(wave[:-1, None], wave[1:, None], np.arange(length) >= 100)


NUMBERS = {
    "adding": SequenceTask(2, 1, "numbers", lambda length: length, adding),
    "mackey_glass": SequenceTask(1, 1, "numbers", lambda length: length, mackey_glass),
    "sines": SequenceTask(1, 1, "numbers", lambda length: length, sines),
}
