//! What came of one check.

use hallway_model::Origin;

/// What came of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The name of the check.
    pub check: String,
    /// Whether it held. Without evidence it did not.
    pub held: bool,
    /// What the scenario asks for.
    pub expected: String,
    /// What the witnesses saw instead, or too.
    pub saw: String,
    /// Further lines that explain it.
    pub detail: Vec<String>,
    /// The probability of what was seen if the expectation were true, for checks of shares.
    pub p_value: Option<f64>,
    /// By whose testimony.
    pub witness: String,
    /// The rule that routed the requests in question, when the check failed and access logs name one.
    pub rule: Option<Origin>,
    /// `x-hallway-request` of some requests that show it: of red ones when the check failed.
    pub samples: Vec<String>,
}

impl Verdict {
    /// Whether what was seen contains the words `cause`. What was expected does not count: it is the same whatever
    /// happened, and would prove nothing.
    pub fn says(&self, cause: &str) -> bool {
        self.saw.contains(cause) || self.detail.iter().any(|line| line.contains(cause))
    }
}

/// What a check found in the evidence.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    pub(crate) held: bool,
    pub(crate) saw: String,
    pub(crate) detail: Vec<String>,
    pub(crate) p_value: Option<f64>,
    pub(crate) samples: Vec<String>,
}

/// Why nothing can be said.
#[derive(Debug)]
pub(crate) struct NoEvidence(pub(crate) String);

impl NoEvidence {
    pub(crate) fn because<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self(reason.into()))
    }
}
