"""The labs as they ran and the documentation, as a book to browse: ``make docs``."""
