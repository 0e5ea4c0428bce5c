//! Pure traffic decisions: route match, split, balance, retry and timeout.
