"""BitMEX, which closed on 2026-09-23: its REST interface on mirrors, and its daily files."""
