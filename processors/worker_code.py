"""The code on dask workers elsewhere: sent as an archive before the first task, and every worker checked before it counts.

What runs on a worker before the project is there uses the standard library only and is sent by value.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cloudpickle

from configs.errors import InputError
from processors import handshake, shipping

PLUGIN = "dynode-code"
CHECK_S = 120.0  # a worker imports the project meanwhile


def ship(client: Any, own: Mapping[str, Path]) -> None:
    """Send the code to all workers of a client, those that come later too. One that has the same code already keeps it."""
    from distributed.diagnostics.plugin import WorkerPlugin

    modules, digest = shipping.project_state()
    plugin = _plugin(WorkerPlugin, shipping.code_archive(own), modules, digest)
    with _by_value():
        client.register_plugin(plugin, name=PLUGIN)


def _plugin(base: type, archive: bytes, modules: Sequence[str], digest: str) -> Any:
    class Code(base):
        """Unpacks the code when a worker starts."""

        def setup(self, worker: Any) -> None:
            install(archive, modules, digest, Path(worker.local_directory) / "dynode-code")

    return Code()


def install(archive: bytes, modules: Sequence[str], digest: str, folder: Path) -> None:
    """On a worker: unpack the code into ``folder`` and import from there from now on, unless the same code is there already."""
    if _same(modules, digest):
        return
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        packed.extractall(folder, filter="data")
        rooms = {name.split("/")[0].removesuffix(".py") for name in packed.getnames()}
    for name in [name for name in sys.modules if name.split(".")[0] in rooms]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    sys.path.append(str(folder / "own"))


def _same(modules: Sequence[str], digest: str) -> bool:
    try:
        from processors import source_code as theirs

        return theirs.digest([theirs.PROJECT / name for name in modules]) == digest
    except Exception:
        return False


def check_new(client: Any, known: Collection[str], answer_s: float) -> set[str]:
    """Check the workers that are not ``known``; returns their addresses.

    Raises ``InputError`` saying what differs on which of them, ``TimeoutError`` when the scheduler does not answer within ``answer_s`` or a
    worker within ``CHECK_S``.
    """
    new = set(within(answer_s, client, client.nthreads)) - set(known)
    if not new:
        return new
    with _by_value():
        wanted = tuple(vars(handshake.environment()).items())
        found = within(CHECK_S, client, client.run, probe, wanted, workers=sorted(new), on_error="return")
    wrong = {address: [str(told)] if isinstance(told, BaseException) else told[1] for address, told in found.items()}
    problems = {address: told for address, told in wrong.items() if told}
    gone = {address for address, told in found.items() if isinstance(told, OSError)}  # left again meanwhile
    for address, told in problems.items():
        if address not in gone:
            where = found[address][0] if isinstance(found[address], tuple) else ""
            raise InputError(handshake.told(f"the dask worker {address} {where}".rstrip(), told))
    return set(found) - gone


def within(limit_s: float, client: Any, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a method of the client returns. Raises ``TimeoutError`` where the other side, a frozen process say, does not answer in time."""

    async def answer() -> Any:
        return await call(*arguments, **options)

    return client.sync(answer, callback_timeout=limit_s)


def probe(wanted: Sequence[tuple[str, Any]]) -> tuple[str, list[str]]:
    """On a worker: where it runs, and what keeps it from doing the work."""
    here = handshake.environment()
    return f"({here.host}, {here.executable})", handshake.check(handshake.Environment(**dict(wanted)))


@contextlib.contextmanager
def _by_value() -> Iterator[None]:
    """Send what stands in this module and in ``handshake`` itself, not its name: the worker may lack the project."""
    modules = [sys.modules[__name__], handshake]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
