"""What `rebuild` is made of: the log folded anew by the scorer's own core, and held against what the services say.

`folding` comes first: all partitions from zero, a day at a time; `kafka` and `live` read the logs and the tables for it.
Then `comparing` (against the live state) or `as_of` (the scores of a past day), and `show` prints what they found.
"""
