//! The JSON Schemas of what is written beside a scenario.

use serde_json::Value;

use crate::exercise::ExerciseFile;
use crate::prediction::LessonFile;

/// The JSON Schema (draft 2020-12) of `lesson.yaml`, for editors; what is validated against.
pub fn lesson_schema() -> Value {
    hallway_yaml::schema::titled::<LessonFile>("Hallway lesson")
}

/// The JSON Schema (draft 2020-12) of `exercise/exercise.yaml`.
pub fn exercise_schema() -> Value {
    hallway_yaml::schema::titled::<ExerciseFile>("Hallway exercise")
}

#[cfg(test)]
mod tests {
    use hallway_yaml::schema::assert_published;

    use super::{exercise_schema, lesson_schema};

    /// Run with `HALLWAY_UPDATE=1` to write the published schemas anew.
    #[test]
    fn the_published_schemas_are_current() {
        let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
        assert_published(&format!("{scenarios}/lesson.schema.json"), &lesson_schema());
        assert_published(&format!("{scenarios}/exercise.schema.json"), &exercise_schema());
    }
}
