//! The JSON Schema of scenario files.

use serde_json::Value;

use crate::Scenario;
use crate::system::System;

/// The JSON Schema (draft 2020-12) of `scenario.yaml`, for editors; what the loader validates against.
pub fn json_schema() -> Value {
    hallway_yaml::schema::titled::<Scenario>("Hallway scenario")
}

/// The JSON Schema (draft 2020-12) of the systems that topologies take parts of.
pub fn system_schema() -> Value {
    hallway_yaml::schema::titled::<System>("Hallway system")
}

#[cfg(test)]
mod tests {
    use hallway_yaml::schema::assert_published;

    use super::{json_schema, system_schema};

    /// Run with `HALLWAY_UPDATE=1` to write the published schemas anew.
    #[test]
    fn the_published_schemas_are_current() {
        let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
        assert_published(&format!("{scenarios}/schema.json"), &json_schema());
        assert_published(&format!("{scenarios}/system.schema.json"), &system_schema());
    }
}
