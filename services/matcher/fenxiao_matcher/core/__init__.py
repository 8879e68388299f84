"""Pure: no I/O, no clock, no random. Integers only, so that no sum depends on the order in which its terms arrived.

The walk of an event: `state` folds it into the `graph` of attributed net sales and the `facts`, and notes what it touched.
When there is time, `settle` makes a `snapshot` of the graph and turns what differs into `dirty` list keys; `rank` makes the
list of a key; `book` says whether it is worth publishing. `matcher` holds them together.
"""
