"""The probe, run by every shell that is here, against what psutil says of the same machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml

from nightshift import probe
from nightshift.probe import MOST_CHARACTERS
from tests.samples import ROOT

SHELLS = [shell for shell in ("sh", "dash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]
POINTS = 12  # percent points: the two look at almost, not exactly, the same second


def script() -> str:
    """The document's script."""
    content = yaml.safe_load((ROOT / "documents" / "probe.yaml").read_text())
    return "\n".join(content["mainSteps"][0]["inputs"]["runCommand"])


def run(shell: str, **environment: str) -> str:
    """What the probe prints under a shell."""
    done = subprocess.run(
        [*shell.split(), "-c", script()],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_it_prints_one_short_line_that_agrees_with_psutil(shell: str) -> None:
    """CPU within 12 points over the same second, memory and disk within 3 points."""
    psutil.cpu_percent()
    text = run(shell)
    busy = psutil.cpu_percent()
    assert text.count("\n") == 1
    assert len(text) <= MOST_CHARACTERS
    sample = probe.parse(text)
    assert abs(float(sample.cpu) - busy) < POINTS
    assert sample.cores == psutil.cpu_count()
    available = 100 * sample.memory.available_kib * 1024 / psutil.virtual_memory().total
    assert abs(available - 100 * psutil.virtual_memory().available / psutil.virtual_memory().total) < 3
    for disk in sample.disks:
        assert abs(float(disk.used) - psutil.disk_usage(disk.mount).percent) < 3
    assert abs(int(sample.uptime) - (time.time() - psutil.boot_time())) < 30
    assert sample.facts.kernel == os.uname().release
    assert sample.top


@pytest.mark.parametrize("shell", SHELLS[:1])
def test_a_busy_core_is_seen(shell: str) -> None:
    """One process that spins is the first of the processes, near a whole core."""
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as spinner:
        try:
            sample = probe.parse(run(shell, SSM_IntervalSeconds="2"))
        finally:
            spinner.kill()
    spun = [one for one in sample.top if one.pid == spinner.pid]
    assert spun
    assert 20 < spun[0].cpu < 130


def test_a_folder_with_a_quota_is_a_disk(tmp_path: Path) -> None:
    """As full as its quota says."""
    (tmp_path / "data").write_bytes(os.urandom(512 * 1024))
    text = run(SHELLS[0], NIGHTSHIFT_ROOT=str(tmp_path), NIGHTSHIFT_DISK_QUOTA_KIB="1024")
    (disk,) = [one for one in probe.parse(text).disks if one.mount.startswith("quota:")]
    assert 45 < disk.used < 60


def test_a_service_that_is_not_there_has_failed(tmp_path: Path) -> None:
    """The node's own service by its pid file."""
    (tmp_path / "service.pid").write_text("4194300\n")
    assert "service" in probe.parse(run(SHELLS[0], NIGHTSHIFT_STATE=str(tmp_path))).failed
