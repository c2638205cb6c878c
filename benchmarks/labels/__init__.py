"""How many labels it takes to find a rare class: ``make bench-labels``."""
