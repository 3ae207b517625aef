"""What the DAG parser pays: 200 sources of 5 interfaces beside a hand-written loop and dag-factory."""
