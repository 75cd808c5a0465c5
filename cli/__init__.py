"""Typer commands: parse, call one function, print. No logic."""
