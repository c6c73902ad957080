"""Test suites of others, run unmodified against this engine: what it should answer as AWS does, others say too."""
