"""The parts of `cltv act`, one subject a file: each reads the shop and adds its tables and its section."""
