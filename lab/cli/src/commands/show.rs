//! `hallway show`: a scenario's lesson and files, or the schema of scenario files.

use std::path::Path;
use std::process::ExitCode;

use crate::arguments::Show;
use crate::catalogue::Catalogue;
use crate::failure::Failure;

/// Prints the lesson of a scenario, then the scenario file; or the JSON Schema.
pub(crate) fn show(
    catalogue: impl FnOnce() -> Result<Catalogue, Failure>,
    arguments: &Show,
) -> Result<ExitCode, Failure> {
    if arguments.subject == "schema" {
        anstream::println!("{:#}", hallway_scenario::schema::json_schema());
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = catalogue()?.load(&arguments.subject)?;
    if let Some(lesson) = &loaded.lesson {
        anstream::println!("{}", read(lesson)?.trim_end());
    }
    let file = loaded.files.path(hallway_scenario::load::SCENARIO_FILE);
    anstream::println!("\n# {}\n\n{}", file.display(), read(&file)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format_args!("cannot read {}: {error}", path.display())))
}
