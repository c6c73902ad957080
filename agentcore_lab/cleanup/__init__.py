"""Deleting what a notebook made, and nothing that another made (docs/decisions, "What a notebook made")."""
