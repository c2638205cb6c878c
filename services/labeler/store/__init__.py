"""The label store: runs, cards and a log of answers that is only appended to."""
