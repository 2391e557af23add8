"""A finished build described for others: `content` gathers it, `groups` counts faces by measures, `croissant` and `card` write it."""
