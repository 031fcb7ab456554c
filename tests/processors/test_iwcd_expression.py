"""Selection expressions: the same as Python's own arithmetic on every event, and nothing but selections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import InputError
from configs.iwcd import Discriminant
from processors.iwcd import EVENT_COLUMNS
from processors.iwcd_expression import parse

COLUMNS = {
    "nhits": np.array([0, 30, 26, 400]), "dwall": np.array([60.0, 10.0, 51.0, np.nan]), "veto": np.array([True, False, False, True]),
    "charge": np.array([0.0, 60.0, 13.0, 1200.0]), "particle": np.array(["e-", "mu-", "gamma", "e-"]),
}  # fmt: skip
NUMBERS = ("nhits", "dwall", "charge", "2", "0.5", "30")


def values(depth: int) -> st.SearchStrategy[str]:
    if depth == 0:
        return st.sampled_from(NUMBERS)
    return st.one_of(
        st.sampled_from(NUMBERS), st.tuples(values(depth - 1), st.sampled_from("+-*"), values(depth - 1)).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        values(depth - 1).map(lambda v: f"-{v}"),
    )  # fmt: skip


def truths(depth: int) -> st.SearchStrategy[str]:
    compared = st.tuples(values(2), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), values(2)).map(" ".join)
    chained = st.tuples(values(1), values(1), values(1)).map(lambda p: f"{p[0]} < {p[1]} <= {p[2]}")
    simple = st.one_of(compared, chained, st.just("veto"), st.just('particle == "e-"'))
    if depth == 0:
        return simple
    joined = st.tuples(truths(depth - 1), st.sampled_from(["and", "or"]), truths(depth - 1)).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
    return st.one_of(simple, joined, truths(depth - 1).map(lambda t: f"not ({t})"))


@settings(max_examples=150, deadline=None)
@given(text=truths(3))
def test_agrees_with_python_event_by_event(text: str) -> None:
    expected = [bool(eval(text, {"__builtins__": {}}, {name: column[event].item() for name, column in COLUMNS.items()})) for event in range(4)]
    np.testing.assert_array_equal(parse(text, COLUMNS).mask(COLUMNS), expected)


def test_division_by_zero_is_no_error() -> None:
    np.testing.assert_array_equal(parse("charge / nhits < 1", COLUMNS).mask(COLUMNS), [False, False, True, False])


def test_number_alone_holds_for_all_events_or_none() -> None:
    np.testing.assert_array_equal(parse("1 < 2", COLUMNS).mask(COLUMNS), [True] * 4)
    assert len(parse("1 < 2", COLUMNS).mask({})) == 0


def test_names_are_listed_once() -> None:
    assert parse("nhits > 1 and (dwall < nhits or veto)", COLUMNS).names == ("nhits", "dwall", "veto")


def test_preselection_of_the_discriminant_is_a_selection() -> None:
    assert parse(Discriminant(kind="discriminant", dataset="mc").preselection, EVENT_COLUMNS).names == ("nhits", "dwall", "towall", "evis")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nhist > 25", r"no event column 'nhist'; did you mean 'nhits'\?"),
        ("nhits >", "not an expression"),
        ("", "not an expression"),
        ("nhits > 25; dwall", "not an expression"),
        ("__import__('os').system('true')", "no event column '__import__'"),
        ("abs(nhits) > 1", "no event column 'abs'"),
        ("nhits(1) > 2", r"'nhits\(1\)' is not allowed here"),
        ("nhits.real > 2", r"'nhits\.real' is not allowed here"),
        ("nhits[0] > 2", r"'nhits\[0\]' is not allowed here"),
        ("[nhits for nhits in dwall]", "is not allowed here"),
        ("(lambda: nhits)() > 1", "is not allowed here"),
        ("nhits ** 9 ** 9 > 1", "is not allowed here"),
        ("nhits % 2 == 1", "is not allowed here"),
        ("nhits in [1, 2]", "is not allowed here"),
        ("dwall is None", "is not allowed here"),
        ("(nhits := 3) > 1", "not an expression|not allowed"),
        ("nhits > 1 if veto else dwall > 2", "is not allowed here"),
        ("nhits > (dwall > 2)", "is not allowed here"),
        ("nhits + 1", r"write comparisons of event columns joined by and, or, not, e\.g\. \"nhits > 25 and dwall > 50\""),
        ("25", "is not allowed here"),
        ("nhits > None", "is not allowed here"),
        ("dwall > 1j", "is not allowed here"),
    ],
)
def test_refused_when_parsed(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text, COLUMNS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nhits and veto", r"'nhits' is no yes or no; compare it with something, e\.g\. nhits > 0"),
        ("particle > 'e-'", r'words compare with words by == and != only, e\.g\. particle == "e-"'),
        ("particle == 1", "words compare with words"),
        ("particle + 1 > 2", "words cannot be calculated with"),
    ],
)
def test_refused_by_the_kind_of_column(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text, COLUMNS).mask(COLUMNS)


def test_column_that_these_events_lack() -> None:
    with pytest.raises(InputError, match="these events have no column 'veto2'"):
        parse("veto2", {*COLUMNS, "veto2"}).mask(COLUMNS)
