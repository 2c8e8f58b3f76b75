"""Packages of an app for machines that Nightshift does not manage; four platforms from one machine."""
