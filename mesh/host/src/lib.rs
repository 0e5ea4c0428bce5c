//! The machine a program runs on: sockets, tasks, clocks, randomness and its output.
