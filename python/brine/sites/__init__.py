"""Sites in production: `brine config -o` writes one, and the others of these commands operate it by its name."""
