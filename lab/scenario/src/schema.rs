//! The JSON Schema of scenario files.

use serde_json::Value;

use crate::Scenario;

/// The JSON Schema (draft 2020-12) of `scenario.yaml`, for editors; what the loader validates against.
pub fn json_schema() -> Value {
    let mut schema = hallway_yaml::schema_for::<Scenario>();
    schema.insert("title".to_owned(), "Hallway scenario".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::json_schema;

    /// Run with `HALLWAY_UPDATE=1` to write the published schema anew.
    #[test]
    fn the_published_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/schema.json");
        let current = serde_json::to_string_pretty(&json_schema()).expect("a schema is JSON") + "\n";
        if std::env::var_os("HALLWAY_UPDATE").is_some() {
            std::fs::write(path, &current).expect("the schema can be written");
        }
        let published = std::fs::read_to_string(path).expect("the schema is published");
        assert!(
            published == current,
            "{path} is out of date: run this test with HALLWAY_UPDATE=1"
        );
    }
}
