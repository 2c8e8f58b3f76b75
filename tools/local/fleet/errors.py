"""What can go wrong on the fleet's side."""


class SsmError(Exception):
    """A refusal as SSM words it: answered with status 400, `__type` and `message`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class FleetError(Exception):
    """The fleet cannot start or cannot do what it was asked; the text says why."""
