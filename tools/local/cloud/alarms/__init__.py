"""CloudWatch alarms of the embedded cloud: pure evaluation, and the events that transitions make."""
