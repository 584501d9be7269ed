"""The whole trader in a simulated world, in one process and on one virtual clock, without sockets."""
