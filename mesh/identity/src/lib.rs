//! SPIFFE identities: certificate authority, SVIDs, trust bundles and TLS configurations.
