"""Feed-forward networks: their definition, their kernels, and how they are fitted to examples."""
