"""Matcher: goods for people, people for goods."""
