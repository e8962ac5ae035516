"""How we show it."""
