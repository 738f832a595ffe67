"""Draw what is worth a person's time: the pool, the purposes, the draw, what it is expected to narrow."""
