"""A function that cannot start."""

import module_that_is_in_no_layer  # noqa: F401
