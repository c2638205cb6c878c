"""A first run on real images that come inside a dependency: ``make demo``."""
