"""The two sample apps that local nodes run, and the builder of their releases."""
