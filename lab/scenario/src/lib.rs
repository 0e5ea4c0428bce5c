//! Scenario files: what to run, what to check, and which controls must turn the checks red.
