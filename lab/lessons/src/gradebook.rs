//! What came of the files of many learners: a table, JSON, and JUnit XML with a test suite for each learner and a test case for each exercise.

use hallway_grade::report::Styles;
use hallway_grade::report::styles::paint;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

/// The version of the JSON.
const FORMAT: u32 = 1;

/// How wide the table's legend is at most.
const WIDTH: usize = 96;

/// What is between two of its entries.
const GAP: &str = "   ";

/// What came of the files of many learners.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gradebook {
    /// The exercises, in their order.
    pub exercises: Vec<String>,
    /// The learners, in their order.
    pub learners: Vec<Learner>,
}

/// What came of the files of one learner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Learner {
    /// The name of the learner's folder.
    pub name: String,
    /// One for each exercise.
    pub marks: Vec<Mark>,
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "mark", content = "because")]
pub enum Mark {
    /// There is none.
    Missing,
    /// It is as it was handed out.
    Untouched,
    /// It solves the exercise.
    Solved,
    /// It does not: the first check that failed, or why the file was refused.
    Red(String),
    /// The lab could not say.
    Ungraded(String),
}

/// [`Gradebook`] with the version of its format.
#[derive(Serialize)]
struct Versioned<'a> {
    format: u32,
    #[serde(flatten)]
    gradebook: &'a Gradebook,
}

impl Gradebook {
    /// The exit code of `hallway`: 1 when a file is red or untouched, 3 when the lab could not say. What is missing is no failure.
    pub fn exit_code(&self) -> u8 {
        let code = |mark: &Mark| match mark {
            Mark::Missing | Mark::Solved => 0,
            Mark::Untouched | Mark::Red(_) => 1,
            Mark::Ungraded(_) => 3,
        };
        self.marks().map(|(_, _, mark)| code(mark)).max().unwrap_or(0)
    }

    /// A row for each learner, a column for each exercise, and below it why files are red.
    pub fn table(&self, styles: &Styles) -> String {
        let names = self.learners.iter().map(|learner| learner.name.chars().count());
        let width = names.max().unwrap_or(0);
        let numbers: Vec<String> = (1..=self.exercises.len())
            .map(|number| format!("{number:>2}"))
            .collect();
        let mut text = format!(" {:width$}  {}\n", "", numbers.join(" "));
        for learner in &self.learners {
            let signs: Vec<String> = learner
                .marks
                .iter()
                .map(|mark| format!(" {}", mark.sign(styles)))
                .collect();
            let solved = learner.marks.iter().filter(|mark| **mark == Mark::Solved).count();
            let count = self.exercises.len();
            text += &format!(
                " {:<width$}  {}   {solved} of {count}\n",
                learner.name,
                signs.join(" ")
            );
        }
        text += &format!(
            "\n{}\n ✓ solved   ✗ red   · untouched   – missing   ! not graded\n",
            self.legend()
        );
        let because: Vec<String> = self
            .marks()
            .filter_map(|(learner, exercise, mark)| {
                let reason = mark.reason()?;
                let sign = mark.sign(styles);
                Some(format!(" {sign} {learner} · {exercise}: {reason}\n"))
            })
            .collect();
        if !because.is_empty() {
            text += &format!("\n{}", because.concat());
        }
        text
    }

    /// The same as JSON.
    pub fn json(&self) -> String {
        let versioned = Versioned {
            format: FORMAT,
            gradebook: self,
        };
        let text = serde_json::to_string_pretty(&versioned).expect("a gradebook is JSON");
        format!("{text}\n")
    }

    /// The same as JUnit XML.
    pub fn junit(&self) -> String {
        let mut report = Report::new("hallway learn grade");
        for learner in &self.learners {
            let mut suite = TestSuite::new(learner.name.as_str());
            for (exercise, mark) in self.exercises.iter().zip(&learner.marks) {
                let mut case = TestCase::new(exercise.as_str(), mark.status());
                case.set_classname(learner.name.as_str());
                suite.add_test_case(case);
            }
            report.add_test_suite(suite);
        }
        report.to_string().expect("XML can be written to memory")
    }

    /// The exercises with their numbers, several on a line.
    fn legend(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for (index, name) in self.exercises.iter().enumerate() {
            let entry = format!("{} {name}", index + 1);
            match lines.last_mut() {
                Some(line) if line.chars().count() + GAP.len() + entry.chars().count() < WIDTH => {
                    line.push_str(GAP);
                    line.push_str(&entry);
                }
                _ => lines.push(format!(" {entry}")),
            }
        }
        lines.join("\n")
    }

    /// Learner, exercise and mark.
    fn marks(&self) -> impl Iterator<Item = (&str, &str, &Mark)> {
        self.learners.iter().flat_map(|learner| {
            let marks = self.exercises.iter().zip(&learner.marks);
            marks.map(|(exercise, mark)| (learner.name.as_str(), exercise.as_str(), mark))
        })
    }
}

impl Mark {
    /// Why it is not solved, where there is more to say than that.
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Missing | Self::Untouched | Self::Solved => None,
            Self::Red(reason) | Self::Ungraded(reason) => Some(reason),
        }
    }

    fn sign(&self, styles: &Styles) -> String {
        let (style, sign) = match self {
            Self::Missing => (styles.quiet, "–"),
            Self::Untouched => (styles.doubtful, "·"),
            Self::Solved => (styles.good, "✓"),
            Self::Red(_) => (styles.bad, "✗"),
            Self::Ungraded(_) => (styles.doubtful, "!"),
        };
        paint(style, sign)
    }

    fn status(&self) -> TestCaseStatus {
        let failed = |kind, message: &str| {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(message);
            status
        };
        match self {
            Self::Solved => TestCaseStatus::success(),
            Self::Missing => {
                let mut status = TestCaseStatus::skipped();
                status.set_message("there is no file");
                status
            }
            Self::Untouched => failed(NonSuccessKind::Failure, "the file is as it was handed out"),
            Self::Red(reason) => failed(NonSuccessKind::Failure, reason),
            Self::Ungraded(reason) => failed(NonSuccessKind::Error, reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use hallway_grade::report::Styles;

    use super::{Gradebook, Learner, Mark};

    fn class() -> Gradebook {
        let learner = |name: &str, marks: [Mark; 3]| Learner {
            name: name.to_owned(),
            marks: marks.to_vec(),
        };
        Gradebook {
            exercises: ["first-hop", "first-two-fail", "slow-callee"]
                .map(str::to_owned)
                .to_vec(),
            learners: vec![
                learner(
                    "ada",
                    [
                        Mark::Solved,
                        Mark::Red("three-attempts fails: saw 1".to_owned()),
                        Mark::Missing,
                    ],
                ),
                learner("grace", [Mark::Solved, Mark::Untouched, Mark::Solved]),
            ],
        }
    }

    #[test]
    fn a_class_on_one_page() {
        insta::assert_snapshot!(class().table(&Styles::plain()), @"
                1  2  3
        ada     ✓  ✗  –   1 of 3
        grace   ✓  ·  ✓   2 of 3

        1 first-hop   2 first-two-fail   3 slow-callee
        ✓ solved   ✗ red   · untouched   – missing   ! not graded

        ✗ ada · first-two-fail: three-attempts fails: saw 1
        ");
    }

    #[test]
    fn reports_say_the_same() {
        insta::assert_snapshot!(class().json(), @r#"
        {
          "format": 1,
          "exercises": [
            "first-hop",
            "first-two-fail",
            "slow-callee"
          ],
          "learners": [
            {
              "name": "ada",
              "marks": [
                {
                  "mark": "solved"
                },
                {
                  "mark": "red",
                  "because": "three-attempts fails: saw 1"
                },
                {
                  "mark": "missing"
                }
              ]
            },
            {
              "name": "grace",
              "marks": [
                {
                  "mark": "solved"
                },
                {
                  "mark": "untouched"
                },
                {
                  "mark": "solved"
                }
              ]
            }
          ]
        }
        "#);
        insta::assert_snapshot!(class().junit().lines().filter(|line| !line.contains("uuid")).collect::<Vec<_>>().join("\n"), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="hallway learn grade" tests="6" skipped="1" failures="2" errors="0">
            <testsuite name="ada" tests="3" skipped="1" errors="0" failures="1">
                <testcase name="first-hop" classname="ada"/>
                <testcase name="first-two-fail" classname="ada">
                    <failure message="three-attempts fails: saw 1"/>
                </testcase>
                <testcase name="slow-callee" classname="ada">
                    <skipped message="there is no file"/>
                </testcase>
            </testsuite>
            <testsuite name="grace" tests="3" skipped="0" errors="0" failures="1">
                <testcase name="first-hop" classname="grace"/>
                <testcase name="first-two-fail" classname="grace">
                    <failure message="the file is as it was handed out"/>
                </testcase>
                <testcase name="slow-callee" classname="grace"/>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn what_is_missing_is_no_failure_and_what_is_untouched_is() {
        let mut class = class();
        assert_eq!(class.exit_code(), 1);
        class.learners[0].marks[1] = Mark::Solved;
        assert_eq!(class.exit_code(), 1);
        class.learners[1].marks[1] = Mark::Missing;
        assert_eq!(class.exit_code(), 0);
        class.learners[1].marks[1] = Mark::Ungraded("no Java".to_owned());
        assert_eq!(class.exit_code(), 3);
    }
}
