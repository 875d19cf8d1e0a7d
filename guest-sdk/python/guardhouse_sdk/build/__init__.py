"""Builds a plugin: `python -m guardhouse_sdk.build --wit FOLDER --out FILE`, run in the plugin's folder."""
