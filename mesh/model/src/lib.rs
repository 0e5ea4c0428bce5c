//! What a proxy executes: routes, clusters, endpoints, identities and the discovery messages. Data only.
