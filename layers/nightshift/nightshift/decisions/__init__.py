"""Pure decisions: state and time come in, a decision with its reason goes out. Nothing here does I/O."""
