"""Catalog: takes commands in, keeps the facts, emits events."""
