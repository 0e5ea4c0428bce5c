//! What a person may want to type next.

/// Prints commands, and what each shows, below an empty line.
pub(crate) fn print(commands: &[(impl AsRef<str>, &str)]) {
    let widths = commands
        .iter()
        .map(|(command, _)| command.as_ref().chars().count());
    let width = widths.max().unwrap_or(0);
    let mut lead = "\nNext: ";
    for (command, shows) in commands {
        anstream::println!("{lead} {:<width$}  {shows}", command.as_ref());
        lead = "      ";
    }
}
