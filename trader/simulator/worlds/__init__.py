"""Recorded worlds: one folder of facts each, and the scripts that made them."""
