"""Adapters: one file per AWS service or table; the only package that imports boto3."""
