"""A report as one HTML page that needs no network: tables, charts, and objects with the mask after every click."""
