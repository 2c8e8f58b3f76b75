"""One file is one command, called like the file.

A module gives ``command``, a function with typer annotations whose docstring is the help (or
``group``, a typer app with sub-commands), and ``PANEL``, the heading it stands under in the help.
Slow imports (boto3, rich tables, the layer) belong inside the functions: every module here is
imported for ``nightshift --help``.
"""
