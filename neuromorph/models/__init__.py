"""Behavioural models of the blocks: frozen pytrees with pure step functions, ideal beside hardware."""
