"""Raw messages of venues, as they came over the wire or stand in dumps, into columns of the store's kinds."""
