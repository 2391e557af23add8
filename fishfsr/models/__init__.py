"""The two networks, their configurations, presets and registry."""
