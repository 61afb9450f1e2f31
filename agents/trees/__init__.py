"""Gradient-boosted trees: grown by LightGBM, run by our own kernels."""
