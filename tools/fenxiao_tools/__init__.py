"""The fenxiao command: local stack, demo, ingest, verify, report."""
