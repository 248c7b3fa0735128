"""Wiring: command line, engines, corpus store, and the jobs built from them."""
