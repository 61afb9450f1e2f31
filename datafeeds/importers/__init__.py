"""Files of other programs and services read into the kinds of the store: found out what they are, and checked."""
