"""A plugin for iis-core."""
