"""Typed settings of a run, from one TOML file."""
