"""Benchmarks share the cases of the tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "reference"), str(TESTS / "fits"), str(TESTS / "processors"), str(TESTS)]
