//! Mesh rules as people write them: strict YAML to typed resources, with diagnostics.
