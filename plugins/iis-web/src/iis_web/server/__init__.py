"""The server: one page, a small API, and a door that only those with the token pass."""
