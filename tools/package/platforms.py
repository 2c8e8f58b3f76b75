"""The platforms that packages are built for, and where pip finds wheels for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """One platform; ``tags`` are pip's names for it, the newest first."""

    name: str
    tags: tuple[str, ...]
    windows: bool = False


PLATFORMS = (
    Platform("linux-amd64", ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")),
    Platform("linux-arm64", ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")),
    Platform("darwin-arm64", ("macosx_14_0_arm64", "macosx_11_0_arm64", "macosx_10_9_universal2")),
    Platform("windows-amd64", ("win_amd64",), windows=True),
)
