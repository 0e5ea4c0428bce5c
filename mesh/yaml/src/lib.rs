//! Strict YAML: documents with source positions, validated against the schema of the types that they become.
