"""The parts of `cltv act`, a file per subject: each reads the shop and adds its tables and its section."""
