"""Accounts of an engine and the credentials it has issued: who a signature stands for."""
