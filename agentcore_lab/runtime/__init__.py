"""Agent runtimes: versions, endpoints, sessions, and the calls that reach them."""
