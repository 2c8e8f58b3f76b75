"""Every linter of the project behind one command: python -m tools.lint."""
