//! The JSON Schemas of what is written beside a scenario.

use serde_json::Value;

use crate::exercise::ExerciseFile;
use crate::prediction::LessonFile;

/// The JSON Schema (draft 2020-12) of `lesson.yaml`, for editors; what is validated against.
pub fn lesson_schema() -> Value {
    let mut schema = hallway_yaml::schema_for::<LessonFile>();
    schema.insert("title".to_owned(), "Hallway lesson".into());
    schema.to_value()
}

/// The JSON Schema (draft 2020-12) of `exercise/exercise.yaml`.
pub fn exercise_schema() -> Value {
    let mut schema = hallway_yaml::schema_for::<ExerciseFile>();
    schema.insert("title".to_owned(), "Hallway exercise".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{exercise_schema, lesson_schema};

    /// Run with `HALLWAY_UPDATE=1` to write the published schemas anew.
    #[test]
    fn the_published_schemas_are_current() {
        is_current("lesson.schema.json", &lesson_schema());
        is_current("exercise.schema.json", &exercise_schema());
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
