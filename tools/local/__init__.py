"""The local stack: an embedded cloud, a fleet of real processes, and what starts them."""
