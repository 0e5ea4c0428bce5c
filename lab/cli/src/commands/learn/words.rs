//! What a learner types.

/// A word during an exercise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// Nothing, and Enter: grades the file again.
    Again,
    Hint,
    Task,
    Lesson,
    Reset,
    Skip,
    Quit,
}

/// The words.
pub(super) const SHORT: &str = "hint, task, lesson, reset, skip or quit";

/// The words, for those who typed another.
pub(super) const WORDS: &str = "hint, task, lesson, reset, skip or quit (the first letter is enough), or Enter alone to grade the file again";

impl Word {
    /// The word that was typed, as a whole or as its first letter.
    pub(super) fn parse(line: &str) -> Option<Self> {
        match line.trim().to_lowercase().as_str() {
            "" => Some(Self::Again),
            "h" | "hint" => Some(Self::Hint),
            "t" | "task" => Some(Self::Task),
            "l" | "lesson" => Some(Self::Lesson),
            "r" | "reset" => Some(Self::Reset),
            "s" | "skip" => Some(Self::Skip),
            "q" | "quit" => Some(Self::Quit),
            _ => None,
        }
    }
}

/// What was answered to the question of a prediction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// This choice, counted from 0.
    Choice(usize),
    /// None: the learner wants to see it first.
    Pass,
    Quit,
}

impl Answer {
    /// What was typed, where there are `choices`.
    pub(super) fn parse(line: &str, choices: usize) -> Option<Self> {
        match line.trim().to_lowercase().as_str() {
            "" | "s" | "skip" => Some(Self::Pass),
            "q" | "quit" => Some(Self::Quit),
            number => {
                let number: usize = number.parse().ok()?;
                (1..=choices).contains(&number).then(|| Self::Choice(number - 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Word};

    #[test]
    fn words_and_their_first_letters() {
        assert_eq!(Word::parse(" Hint\n"), Some(Word::Hint));
        assert_eq!(Word::parse("q"), Some(Word::Quit));
        assert_eq!(Word::parse(""), Some(Word::Again));
        assert_eq!(Word::parse("help"), None);
    }

    #[test]
    fn an_answer_is_the_number_of_a_choice() {
        let answers = ["1", "3", "4", "0", "", "quit", "b"].map(|line| Answer::parse(line, 3));
        let expected = [
            Some(Answer::Choice(0)),
            Some(Answer::Choice(2)),
            None,
            None,
            Some(Answer::Pass),
            Some(Answer::Quit),
            None,
        ];
        assert_eq!(answers, expected);
    }
}
