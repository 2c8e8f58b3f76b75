"""The demo: faults on real processes, healed by the stack, each outcome checked and not assumed."""

from __future__ import annotations


def main(*, plain: bool) -> int:
    """Run every scenario on a stack of its own; 0 when all passed. ``plain`` prints lines for a log."""
    from tools.local.demo.run import run

    return run(plain=plain)
