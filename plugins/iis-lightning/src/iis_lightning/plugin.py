"""What this plugin offers: no names, it is behind `iis train`."""

IIS_API = 1
