"""Where an agent's code runs: one protocol, several backends."""
