"""The embedded AWS: pinned ministack on 127.0.0.1 with small tested mends, and how to deploy to it."""
