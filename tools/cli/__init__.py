"""The nightshift command: one file per command in commands/, discovered by name."""
