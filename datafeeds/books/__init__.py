"""Order books out of what venues send: parsers of their messages, and a compiled builder of snapshots."""
