"""Parts of `cltv act`, one file per subject: each reads the shop and adds its tables and its section."""
