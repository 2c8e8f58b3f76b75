"""Benches: what the tests may not assert because it is noise, measured and written to bench/out."""
