"""Embedded metrics of a pass: values per group, and per node only where the policy asks for it.

A group's values of one batch stand together in one line of the log, so CloudWatch knows their maximum,
minimum, average and percentiles. A metric per node costs about as much per month as the rest of its
inspection in years.
"""
