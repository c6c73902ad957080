"""HTTPS under AWS's names: an authority of the data directory's own, and what makes clients reach and trust it."""
