"""ROOT files through uproot: a TTree's branches or an RNTuple's fields are columns."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import awkward as ak
import uproot

from configs.errors import nearest
from readers.columns import ColumnSource, Words, described
from readers.events import LazyColumn
from readers.files import open_binary, reading
from readers.source import SourceError

TREES = ("TTree", "TNtuple", "TNtupleD")
RNTUPLES = ("ROOT::RNTuple", "ROOT::Experimental::RNTuple")
DESCRIPTION_SUFFIX = "_columns"  # a TObjString <tree>_columns holds {column: {"unit":, "meaning":}} as JSON, and "" -> attributes


def open_root(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a TTree or RNTuple; ``tree`` is its name (with folders), None takes the only one of the file.

    Branches that cannot be columns are named in ``unreadable``. Raises ``SourceError`` for damaged files, branches shorter than the
    tree, and, listing them, when there are several trees and none is chosen.
    """
    (path,) = paths
    with ExitStack() as stack:
        file = stack.enter_context(open_file(path))
        with reading(path):
            classes = list_classes(file)
            name = _chosen(path, classes, tree)
            words = _description(file, name)
            if classes[name] in RNTUPLES:
                length, columns, unreadable = _fields(file[name], words)
            else:
                length, columns, unreadable = _branches(path, name, file[name], words)
        if not columns:
            raise SourceError(f"{path}: {name!r} holds no column that can be read{''.join(f'; {key}: {why}' for key, why in unreadable.items())}")
        return ColumnSource(path, length, columns, attributes=words.get("", {}), unreadable=unreadable, close=stack.pop_all().close)


def open_file(path: str) -> Any:
    """The file as uproot sees it. Raises ``SourceError`` or ``ReadError``."""
    handle = open_binary(path)
    try:
        with reading(path):
            file = uproot.open(handle)
            size = handle.seek(0, io.SEEK_END)
            if size < file.file.fEND:
                raise SourceError(f"{path}: truncated: its header announces {file.file.fEND} bytes, {size} are there; copy or download it again")
            return file
    except BaseException:
        handle.close()
        raise


def list_classes(file: Any) -> dict[str, str]:
    """Object name -> class of everything in the file, in its newest cycle, folders included."""
    return dict(file.classnames(recursive=True, cycle=False))


def _chosen(path: str, classes: Mapping[str, str], tree: str | None) -> str:
    trees = [name for name, kind in classes.items() if kind in TREES + RNTUPLES]
    if tree is not None:
        name = tree.split(";")[0]
        if name not in trees:
            kind = f" (it is a {classes[name]})" if name in classes else ""
            raise SourceError(f"{path}: no TTree or RNTuple {tree!r}{kind}{nearest(name, trees)}")
        return name
    if not trees:
        held = ", ".join(f"{name} ({kind})" for name, kind in list(classes.items())[:10]) or "nothing"
        raise SourceError(f"{path}: no TTree or RNTuple; it holds {held}")
    if len(trees) > 1:
        raise SourceError(f"{path}: several trees: {', '.join(trees)}; choose one with tree: NAME")
    return trees[0]


def _description(file: Any, name: str) -> dict[str, Any]:
    """Units and meanings that ``convert`` leaves beside a tree; empty where there are none."""
    key = name + DESCRIPTION_SUFFIX
    words = json.loads(str(file[key])) if file.get(key) is not None and file.classname_of(key) == "TObjString" else {}
    return words if isinstance(words, dict) else {}


def _branches(path: str, tree_name: str, tree: Any, words: Mapping[str, Any]) -> tuple[int, list[LazyColumn], dict[str, str]]:
    columns: list[LazyColumn] = []
    unreadable: dict[str, str] = {}
    length = int(tree.num_entries)
    for name, branch in tree.iteritems(recursive=True, full_paths=False):
        if len(branch.branches) or (words and name not in words):  # what convert writes beside its columns are counters
            continue
        form = _branch_form(branch)
        if isinstance(form, str):
            unreadable[name] = form
            continue
        if branch.num_entries != length:
            raise SourceError(f"{path}: tree {tree_name!r} has {length} entries, its branch {name!r} {branch.num_entries}: damaged; write it again")
        columns.append(LazyColumn(name, form, _branch_loader(branch), **_words(words, name)))
    return length, columns, unreadable


def _branch_form(branch: Any) -> ak.forms.Form | str:
    """The awkward form of a branch, or why it has none (uproot says so with exceptions of many types)."""
    try:
        return _without_parameters(branch.interpretation.awkward_form(branch.file))
    except Exception as error:
        return f"a branch of type {branch.typename}, which uproot cannot turn into arrays ({type(error).__name__})"


def _branch_loader(branch: Any) -> Any:
    def load(start: int, stop: int) -> Any:
        array = branch.array(entry_start=start, entry_stop=stop, library="ak", array_cache=None)
        return ak.from_buffers(*_bare(array))

    return load


def _bare(array: ak.Array) -> tuple[ak.forms.Form, int, Any]:
    form, length, container = ak.to_buffers(array)
    return _without_parameters(form), length, container


def _fields(ntuple: Any, words: Mapping[str, Any]) -> tuple[int, list[LazyColumn], dict[str, str]]:
    columns: list[LazyColumn] = []
    unreadable: dict[str, str] = {}
    for name in ntuple.keys(recursive=False):
        field = ntuple[name]
        form = _field_form(field, name)
        if isinstance(form, str):
            unreadable[name] = form
            continue
        said = _words(words, name)
        said["meaning"] = said["meaning"] or str(field.description)
        columns.append(LazyColumn(name, form, _field_loader(ntuple, name), **said))
    return int(ntuple.num_entries), columns, unreadable


def _field_form(field: Any, name: str) -> ak.forms.Form | str:
    try:
        record, _ = field.to_akform()
        return _without_parameters(record.content(name))
    except Exception as error:
        return f"a field of type {field.typename}, which uproot cannot turn into arrays ({type(error).__name__})"


def _field_loader(ntuple: Any, name: str) -> Any:
    def load(start: int, stop: int) -> Any:
        array = ntuple.arrays([name], entry_start=start, entry_stop=stop, array_cache=None)[name]
        return ak.from_buffers(*_bare(array))

    return load


def _words(words: Mapping[str, Any], name: str) -> Words:
    said = words.get(name)
    return described(said if isinstance(said, dict) else {})


def _without_parameters(form: ak.forms.Form) -> ak.forms.Form:
    """A form without the names of C++ containers; those that make strings stay."""

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            kept = {key: bare(value) for key, value in node.items() if key not in ("parameters", "form_key")}
            inner = node.get("parameters") or {}
            if inner.get("__array__") in ("string", "char", "bytestring", "byte"):
                kept["parameters"] = {"__array__": inner["__array__"]}
            return kept | ({"form_key": node["form_key"]} if node.get("form_key") else {})
        return [bare(value) for value in node] if isinstance(node, list) else node

    return ak.forms.from_dict(bare(form.to_dict()))
