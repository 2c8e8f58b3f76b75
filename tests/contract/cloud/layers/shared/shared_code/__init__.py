"""The layer of the contract tests."""


def greeting():
    """Say hello."""
    return "hello from the layer"
