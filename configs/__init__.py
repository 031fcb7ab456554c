"""Configurations: options, their validation and the messages about them."""
