"""Shared by every test: how Hypothesis searches."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A failure is printed with what reproduces it; slow machines are no failure. The search itself is
# the same in every run, so that a red build is red again: `--hypothesis-seed=random` looks elsewhere.
settings.register_profile(
    "nightshift",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("nightshift")
