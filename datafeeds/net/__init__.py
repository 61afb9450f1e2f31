"""Asking venues and mirrors over HTTP: paced, repeated where that helps, refused where it cannot be trusted."""
