"""Instruments, events, the tape, the event loop, the account and its attribution, the result."""
