"""What `verify` checks, in memory: seqs without gaps, books that balance, tiers that equal the oracle's.

`sequence` comes first, then `books` and `tiers`; `verify` reads the logs for them, `show` prints what they found.
"""
