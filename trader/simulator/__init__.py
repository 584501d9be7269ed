"""The local exchange and weather service: one loopback server that plays back a recorded world."""
