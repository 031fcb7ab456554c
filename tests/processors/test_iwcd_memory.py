"""Memory of a run does not grow with the hits of a file: blocks of events are mapped, worked on and let go (specification 3.1 and 11)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.tiled_hits import counts, write_tiled

ROOT = Path(__file__).parents[2]
STATUS = Path("/proc/self/status")
RUN = """
import json, re, sys, threading, time
from pathlib import Path

import run_processor

peak, done = [0.0], threading.Event()

def watch():
    while not done.is_set():
        peak[0] = max(peak[0], int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
        time.sleep(0.005)

watcher = threading.Thread(target=watch)
watcher.start()
status = run_processor.main(sys.argv[1:])
done.set()
watcher.join()
print(json.dumps({"status": status, "peak_mb": peak[0]}))
"""

pytestmark = pytest.mark.skipif(not STATUS.is_file() or "RssAnon" not in STATUS.read_text(), reason="the system does not tell a process its memory")


def peak_mb(folder: Path, tiles: int, *options: str, scale: int = 1) -> float:
    """Largest memory in MB, pages of the file apart, of a process that makes table and histograms of ``tiles`` times 3000 events."""
    folder.mkdir()
    write_tiled(folder / "events.h5", counts() // scale, tiles)
    text = "{name: memory, analysis: iwcd, output_dir: out, datasets: {mc: {files: [events.h5], kind: mc}}, processor: {time_zero: none}}"
    (folder / "memory.yaml").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", RUN, str(folder / "memory.yaml"), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=folder)
    told = json.loads(done.stdout.splitlines()[-1])
    (folder / "events.h5").unlink()
    assert told["status"] == 0
    return float(told["peak_mb"])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Eight times the events: 108 MB more of hits, of which at most a block is in memory, and 21,000 more rows of the table."""
    small, large = (peak_mb(tmp_path / str(tiles), tiles, "--chunksize", "1500", scale=3) for tiles in (1, 8))
    assert large < small + 60
    assert large < 600


@pytest.mark.slow
def test_a_file_of_a_gigabyte(tmp_path: Path) -> None:
    """1.1 GB with chunks of the size that a run chooses: below 1 GB, as for any file."""
    assert peak_mb(tmp_path / "large", 25) < 600
