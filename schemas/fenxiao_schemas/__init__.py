"""Everything another service needs to talk to Fenxiao: messages, the table of topics, codecs, the policy.

Depends on msgspec alone. Start at `topics` (what goes where), then `commands`, `outcomes`, `events`, `tiers` and
`matches` (what it looks like), then `codec` (bytes to Structs and back).
"""
