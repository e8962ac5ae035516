"""The command line: `cltv`."""
