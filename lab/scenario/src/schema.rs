//! The JSON Schema of scenario files.

use serde_json::Value;

use crate::Scenario;
use crate::system::System;

/// The JSON Schema (draft 2020-12) of `scenario.yaml`, for editors; what the loader validates against.
pub fn json_schema() -> Value {
    let mut schema = hallway_yaml::schema_for::<Scenario>();
    schema.insert("title".to_owned(), "Hallway scenario".into());
    schema.to_value()
}

/// The JSON Schema (draft 2020-12) of the systems that topologies take parts of.
pub fn system_schema() -> Value {
    let mut schema = hallway_yaml::schema_for::<System>();
    schema.insert("title".to_owned(), "Hallway system".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{json_schema, system_schema};

    /// Run with `HALLWAY_UPDATE=1` to write the published schemas anew.
    #[test]
    fn the_published_schemas_are_current() {
        is_current("schema.json", &json_schema());
        is_current("system.schema.json", &system_schema());
    }

    fn is_current(name: &str, schema: &Value) {
        let path = format!("{}/../../scenarios/{name}", env!("CARGO_MANIFEST_DIR"));
        let current = serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n";
        if std::env::var_os("HALLWAY_UPDATE").is_some() {
            std::fs::write(&path, &current).expect("the schema can be written");
        }
        let published = std::fs::read_to_string(&path).expect("the schema is published");
        assert!(
            published == current,
            "{path} is out of date: run this test with HALLWAY_UPDATE=1"
        );
    }
}
