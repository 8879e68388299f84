"""Turns data of the world into commands: two public data sets and a synthetic market.

Each source (`online_retail`, `olist`, `synthetic`) checks its input and becomes a `Source`; `run` sends its items
through the feed; `accounting` asks the outcomes what became of each row; `cli` is the command.
"""
