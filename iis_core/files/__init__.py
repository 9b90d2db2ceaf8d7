"""Files: the user's configuration, images, hashes, downloads and archives."""
