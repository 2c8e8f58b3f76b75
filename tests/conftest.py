"""Shared by every test: how Hypothesis searches, and what Powertools reads when a handler is imported."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Powertools takes these when a handler's module is loaded, whichever test loads it first; in AWS the
# template's Globals set them.
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "nightshift")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Nightshift/Own")

# A failure is printed with what reproduces it; a slow machine is no failure.
SHARED = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
# The search is the same in every run, so that a red build is red again.
settings.register_profile("nightshift", derandomize=True, **SHARED)
# `make test-unit ARGS=--hypothesis-profile=explore` looks elsewhere each time, and longer.
settings.register_profile("explore", max_examples=2_000, **SHARED)
settings.load_profile("nightshift")
