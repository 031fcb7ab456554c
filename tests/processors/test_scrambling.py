import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from processors.scrambling import scrambled_right_ascension

NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_any_numbers_give_a_right_ascension(seed: int, run: int, event: int, subevent: int) -> None:
    (ra,) = scrambled_right_ascension(seed, [run], [event], [subevent])
    assert 0.0 <= ra < 2.0 * math.pi
    assert scrambled_right_ascension(seed, [run, 0], [event, 1], [subevent, 2])[0] == ra


def test_uniform_whichever_number_counts_up() -> None:
    count, zero = np.arange(20_000), np.zeros(20_000, dtype=np.int64)
    for keys in ((count, zero, zero), (zero, count, zero), (zero, zero, count), (110_000 + count // 50, count, zero)):
        ra = scrambled_right_ascension(1, *keys)
        assert len(np.unique(ra)) == len(ra)
        assert stats.kstest(ra / (2.0 * math.pi), "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(ra[1:], ra[:-1])[0, 1]) < 4.0 / math.sqrt(len(ra))


def test_seeds_and_places_of_numbers_matter() -> None:
    count = np.arange(1000)
    one, other = scrambled_right_ascension(1, count, count * 0, count * 0), scrambled_right_ascension(2, count, count * 0, count * 0)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.13
    assert scrambled_right_ascension(1, [5], [7], [0]) != scrambled_right_ascension(1, [7], [5], [0])
