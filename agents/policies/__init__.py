"""Learnt policies as agents of the event loop, and the one file format of all learners."""
