"""Benchmarks on real servers: what one process does on one core, beside what reading alone would cost there.

`run` is the order of things: `deployment` (servers and installation), the market sent ahead, the catalog, the ceiling
(`ceiling`, in a process of its own), the scorer, the ceiling again, `verify`. `watch` measures a service from outside:
its tables say how far it is, `usage` what it costs. `cores` keeps servers and measured process apart. `figures` holds
the results and their arithmetic, `show` prints them, `machine` says on what they were measured.
"""
