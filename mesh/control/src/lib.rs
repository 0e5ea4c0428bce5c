//! The control plane: registry, translation, discovery stream, certificate service and status.
