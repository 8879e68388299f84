"""Tests of the sources of commands."""
