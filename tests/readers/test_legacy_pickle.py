"""The restricted unpickler: columns of every admitted kind come back, everything else is refused by name before it is looked up."""

from __future__ import annotations

import base64
import os
import pickle
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from readers import SourceError, open_source
from readers.legacy_objects import ADMITTED
from readers.legacy_pickle import load_columns

# A frame of columns a ... f, pickled by pandas 1.5 (protocol 2, NumPy 1.26) and 2.2 (protocol 5).
FRAMES = {
    "pandas 1.5": (
        "c-nQ83wzr%6o#FoDbz5=F06xb*`N$>V}Zhe0)uw9LTi={?dFYjLUxqc)N%4zGHu4fT3D0z-|RQQ4`Y(-w5;3Y=g}uwI!Eu3ea>1r=(422L@nr~yw*%vo7)$eWb<YO>%=-r"
        "eUu$<%(5)nZl$O^Wf3KkrwNNit<4hF;;FFD$DLsLaz3*$=8X2!IP%4gflafd8wJZTr@pqZQ4Nx;-R<R$+gU6lmZq#{)079DM94G?q>b@>m#uu7RlMX{8+bXOL8rk3Ve>=}"
        "Y)p71h3v!j#+AlQM#(f@8Q@idJwv=ku-9=*>ZuIydf~DmdtGI@&ns)oY3$$H9O3}MLC38aZx8TBy<T7ZPc_rImc$`{E1d8uYPDpQFd3>N4img7@s=M@>SvLPBcaq5aTF-$"
        "N8E}#=9Y$do8TR{JjA;M?}gQHJT!3}4Heumg7>%KJ_vK3<{3<Bo(~C*k9f}Fqi1*=!?VX4wSU%TRX>Lln(QRODT$B$@Q8w_YK+qaHI4BJ!KXVI(;DM5g3mQZS!0|TVa(tQ"
        "jqxSHR|+G17GTBzOk2C#zmI2&(OfQ5g&r@|nZwr_@*9G0CC+L{%eCF=5Z@7euOVj%=5`>@X~^>g7q;)}VgVV=;F5-%C-~v{kUtv8!~er86<RJ73z}t-z?Jw(v*?RZ7j~JT"
        "u34@ST-{;$S+fv=YuhZ>3zjQ0xS?5Y65P@(yZ)eA3D4hJ!fnTV(N)|r+QTnK@8d3)SkmXK&!Er0M?m%YzY;JBe+hxJD<d0xm5Z9s1h;9zSLlL%W25onZN(1WM>Eg#hAIJQ"
        "je-kxa1p_8I=Jx-EQhxgahww~w2Mqjj0Wf!ZJ=wE14f%jRV2bU{u5PQAnVxx8Nu)2^U+e4w75-lUjVN3vFe1f?p2i!Az3QXb1mah$W9mcRbJ#1-o+noN%?<3(B}jEN$@bQ"
        "VJgS5=1mkqnu>>YGpB7XnTh<bCH!s9U{a<6kNVg!RfINU))E->G4v+&avXP71Z`wpmE25n8Z)2A0-Kv6^J`B49iFD~"
    ),
    "pandas 2.2": (
        "c-n=N&ui2`6vs2WN!51oC#>zIC(-p1EO_uBY_TfXXoTXm43lKC3C%Ai6WWS}da$-IH=q4G{SWlbBule(#evLw*`0acPiEft)cN_ww#-oXDpo|ScEeI|Hx?}Cpl-cplD#$g"
        "4|w_&PGF*Jn$HBN&HnPVkX#fjtKFOxY{o?mYV;~A!-Eg)J8qw-akqtLX;5G70d<EqMU{pJ8K;5XgsatqqRFdcmzw&RbCHIi)@UrsJZR#$t$8_Y=`CUrP>$JyF_OoXMplDh"
        "3og#T!yZh$p(0<v_x;`9ILzc(5(1BS!!uB12P7_2H-je4WLhAWQ)g+Y%XmZ2_K2?H4fLF>CATM+Bdb47r#Njxa$gPN=Y7qW|I|!2v|_S}#ht&)KeLvNU(+txZo{K4KJMbA"
        "LwIq8kUUueFjxSvyj9P+4zPYrnsjl{MI)5{PiXN=2?{TKsT%k1IdAajnGg&waYO|V%c7Q|2_;@aa#!8J_A!6rl~~_khXl|{lTHSKKK6mei$GHZy4c4~Bu9ARs6jph$KMbP"
        "&!Z0}K`&ch?D2>n@!Abojm}u51wW+k^lzGtDQBJ=k3{GjNOqI=nltg|lq>l1sU={j9^ivbO(J}-CW#G=vI}iEzd6$<6snD76oM5qjj^X=Pdbr4_N`<>;t?skmSu(Qs}qh1"
        "F*UiK(8p*Jw75o{+nwfIGQ+-)?a!n{BcFg;p>f7$CVj}VtURn~)Kq8=COOSmz|q9#brZOM09Ln<j{"
    ),
}
COLUMNS: dict[str, Any] = {
    "energy": np.geomspace(1, 1e3, 4), "count": np.arange(4, dtype=np.int32), "good": np.array([True, False, True, True]),
    "big": np.arange(4, dtype=">f4"),
    "name": np.array(["a", "bb", "c", "d"]), "bytes": np.array([b"x", b"yy", b"z", b"w"]), "place": np.asfortranarray(np.arange(12.0).reshape(4, 3)),
    "label": np.array(["p", "q", "r", "s"], dtype=object), "gaps": np.array([1.5, None, 2.5, 3.5], dtype=object), "list": [1, 2, 3, 4],
}  # fmt: skip


def written(path: Path, content: object, protocol: int = 4) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_every_kind(tmp_path: Path, protocol: int) -> None:
    found = load_columns(str(written(tmp_path / "a.pickle", OrderedDict(COLUMNS), protocol)))
    for name, values in COLUMNS.items():
        expected = np.array([1.5, np.nan, 2.5, 3.5]) if name == "gaps" else np.asarray(values)
        np.testing.assert_array_equal(found[name], expected.astype(str) if name == "label" else expected)


def test_tables_within_tables_and_single_values(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.pickle",
        {"Reco": {"score": np.arange(3.0)}, "mc": {"Weights": {"w": [1.0, 2.0, 3.0]}}, "numbers": [np.float64(1.5), np.float64(2), 3]},
    )
    assert {name: values.tolist() for name, values in load_columns(str(path)).items()} == {
        "Reco.score": [0, 1, 2], "mc.Weights.w": [1, 2, 3], "numbers": [1.5, 2, 3],
    }  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_older_pandas(tmp_path: Path, name: str) -> None:
    found = load_columns(str(written(tmp_path / "a.pickle", zlib.decompress(base64.b85decode(FRAMES[name])))))
    assert {key: values.tolist() for key, values in found.items()} == {
        "a": [0, 1, 2], "b": [0, 1, 2], "c": ["x", "y", "z"], "d": [True, False, True], "e": [0, 1, 2], "f": [10, 11, 12],
    }  # fmt: skip
    assert found["e"].dtype == np.float32


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("storage", ["pyarrow", "python"])
def test_frames_of_the_installed_pandas(tmp_path: Path, protocol: int, storage: str) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    with pandas.option_context("mode.string_storage", storage):
        frame = pandas.DataFrame({name: values for name, values in COLUMNS.items() if name not in ("place", "bytes", "big", "gaps")})
        path = written(tmp_path / "a.pickle", frame, protocol)
    found = load_columns(str(path))
    assert list(found) == list(frame.columns)
    for name in found:
        np.testing.assert_array_equal(found[name], np.asarray(COLUMNS[name]).astype(found[name].dtype))


def test_a_pickle_is_a_source_under_its_own_name_only(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pickle", {"score": np.arange(3.0), "label": np.array(["a", "b", "c"])})
    with open_source(path, "legacy_pickle", columns={"stopping_score": "score"}) as source:
        events = source.events(1, 3)
        assert events.stopping_score.to_list() == [1, 2]
        assert events.label.to_list() == ["b", "c"]
    with pytest.raises(SourceError, match=r"a pickle can run code when it is read, so none is opened by its ending; .*allow_pickle: true"):
        open_source(path)


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


class Own:
    """A class of the user's."""

    def __init__(self) -> None:
        self.x = 1


MARKER = "dynode_pickle_ran"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Calls(os.system, f"touch {MARKER}"), f"{os.system.__module__}.system"),
        (Calls(eval, "1"), "builtins.eval"),
        (Calls(getattr, Own, "x"), "builtins.getattr"),
        (Calls(__import__, "os"), "builtins.__import__"),
        ({"x": Own()}, "test_legacy_pickle.Own"),
        (b"cnumpy.testing._private.utils\nrunstring\n.", "numpy.testing._private.utils.runstring"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"cpandas\nread_pickle\n.", "pandas.read_pickle"),
        (b"cbuiltins\nset.__class__\n.", r"builtins.set.__class__"),
        (b"Pnothing\n.", "a reference to an object outside the file"),
        (Calls(bytearray, 10**12), "bytes made of int"),
        (Calls(bytes, 10**12), "bytes made of int"),
        ({"x": np.zeros(2, dtype=[("a", "f8")])}, "an array of records or subarrays|an array of type 'V8'"),
        ({"x": np.array(["2020"], dtype="M8[D]")}, "an array of type 'M8'"),
        ({"x": np.array([{1: 2}, [3]], dtype=object)}, "an array of objects other than text and numbers"),
        ({"x": np.array(["a", 1.0], dtype=object)}, "a column x of text mixed with numbers or gaps"),
        ({"x": 5}, "int x"),
        ([1, 2], "list in place of a dict of arrays or a DataFrame"),
    ],
)
def test_everything_else_is_refused_by_name(tmp_path: Path, content: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "a.pickle", content)
    with pytest.raises(SourceError, match=f"the pickle holds ({name}).*, which is not read: unpickling it could run code"):
        load_columns(str(path))
    assert not (tmp_path / MARKER).exists()


def test_state_for_a_function_or_class_is_refused(tmp_path: Path) -> None:
    """It would change our code for every file read later."""
    for target in (b"cnumpy\ndtype\n", b"cpandas\nDataFrame\n", b"ccollections\nOrderedDict\n"):
        content = b"\x80\x02" + target + b"}(X\x01\x00\x00\x00xK\x01ub."
        with pytest.raises(SourceError, match="the pickle holds a state for (function|type)"):
            load_columns(str(written(tmp_path / "a.pickle", content)))


def test_sizes_that_lie(tmp_path: Path) -> None:
    good = pickle.dumps({"x": np.arange(3.0)}, 2)
    shape = good.replace(b"K\x03\x85", b"K\x04\x85")
    assert shape != good
    with pytest.raises(SourceError, match="not a pickle, or damaged"):
        load_columns(str(written(tmp_path / "a.pickle", shape)))
    huge = good.replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85")
    with pytest.raises(SourceError, match=r"an array of shape \(2147483647,\)|damaged"):
        load_columns(str(written(tmp_path / "b.pickle", huge)))


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps({"x": np.arange(9.0)})[:-20], pickle.dumps({})])
def test_no_pickle_at_all(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"a.pickle: (is empty|not a pickle, or damaged|the pickle holds)"):
        load_columns(str(written(tmp_path / "a.pickle", content)))


def test_columns_of_unequal_length(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"columns of unequal length \(a: 2, b: 3\); all columns of a pickle have one length"):
        open_source(written(tmp_path / "a.pickle", {"a": np.arange(2), "b": np.arange(3)}), "legacy_pickle")


def test_admitted_names_stand_for_our_code_or_plain_containers() -> None:
    outside = {value for value in ADMITTED.values() if not getattr(value, "__module__", "").startswith("readers.")}
    assert outside == {OrderedDict, set, frozenset, complex, slice}
