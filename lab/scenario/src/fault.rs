//! What goes wrong on purpose while traffic flows: one vocabulary for both grounds.
//!
//! A fault befalls a link between machines ([`Place`]s) or one program ([`Program`]). Every link has two directions, and they
//! are independent: a fault `from` one place `to` another is about what the first sends to the second, whoever opened the
//! connection, unless it says otherwise. What is on its way inside one machine is never touched.
//!
//! - `place`: whom faults befall

mod place;

pub use place::{CONTROL_PLANE_MACHINE, Place, Program};

use std::fmt;

use hallway_config::GatewayDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{ByteRate, Share, SignedDuration};

/// What goes wrong, or is put right.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// What is sent in this direction arrives later.
    Delay(Delay),
    /// What is sent in this direction shares a bandwidth.
    Bandwidth(Bandwidth),
    /// A share of the packets in this direction is lost, and sent again as TCP does. Simulated only.
    Loss(Loss),
    /// Nothing arrives any more; connections stay, and what was sent waits for the link to heal.
    Cut(Cut),
    /// Every open connection between the two breaks, in both directions.
    Reset(Link),
    /// Ends delay, bandwidth, loss and cut, in both directions: the link is as it was at the start.
    Heal(Link),
    /// The program dies at once, with its connections.
    Crash(Program),
    /// A program that crashed starts again, without anything that it knew.
    Restart(Program),
    /// The program does nothing at all until it is resumed; its connections stay.
    Pause(Program),
    /// A program that was paused goes on.
    Resume(Program),
    /// The wall clock of a machine is wrong by so much from now on. Simulated only.
    ClockSkew(ClockSkew),
}

/// Two places, of which every machine of one is connected with every machine of the other.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One end.
    pub from: Place,
    /// The other end.
    pub to: Place,
}

/// What is sent in this direction arrives later.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// Who sends.
    pub from: Place,
    /// Who receives.
    pub to: Place,
    /// By so much.
    pub by: GatewayDuration,
}

/// What is sent in this direction shares a bandwidth.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// Who sends.
    pub from: Place,
    /// Who receives.
    pub to: Place,
    /// At most so many bytes in a second, between each two machines.
    pub limit: ByteRate,
}

/// A share of the packets in this direction is lost.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Who sends.
    pub from: Place,
    /// Who receives.
    pub to: Place,
    /// Which share.
    pub share: Share,
}

/// Nothing arrives any more.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Who sends.
    pub from: Place,
    /// Who no longer receives.
    pub to: Place,
    /// Whether the opposite direction still works; it does not when absent.
    #[serde(default)]
    pub one_way: bool,
}

/// The wall clock of a machine is wrong.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSkew {
    /// Whose machine.
    pub of: Place,
    /// By so much: `1h` is fast, `-1h` is slow.
    pub by: SignedDuration,
}

impl Fault {
    /// What the scenario file calls a fault of this kind, such as `clock_skew`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Bandwidth(_) => "bandwidth",
            Self::Loss(_) => "loss",
            Self::Cut(_) => "cut",
            Self::Reset(_) => "reset",
            Self::Heal(_) => "heal",
            Self::Crash(_) => "crash",
            Self::Restart(_) => "restart",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::ClockSkew(_) => "clock_skew",
        }
    }

    /// The ends of the link that it befalls.
    pub fn link(&self) -> Option<(&Place, &Place)> {
        match self {
            Self::Delay(Delay { from, to, .. })
            | Self::Bandwidth(Bandwidth { from, to, .. })
            | Self::Loss(Loss { from, to, .. })
            | Self::Cut(Cut { from, to, .. })
            | Self::Reset(Link { from, to })
            | Self::Heal(Link { from, to }) => Some((from, to)),
            Self::Crash(_) | Self::Restart(_) | Self::Pause(_) | Self::Resume(_) | Self::ClockSkew(_) => None,
        }
    }

    /// The program that it befalls.
    pub fn program(&self) -> Option<&Program> {
        match self {
            Self::Crash(program) | Self::Restart(program) | Self::Pause(program) | Self::Resume(program) => {
                Some(program)
            }
            _ => None,
        }
    }

    /// Why real processes cannot suffer it, when they cannot.
    pub fn simulated_only(&self) -> Option<&'static str> {
        let touches_control_plane = |(from, to): (&Place, &Place)| [from, to].contains(&&Place::ControlPlane);
        match self {
            Self::Loss(_) => Some("the kernel repairs lost packets where no relay can lose them"),
            Self::ClockSkew(_) => Some("all processes share the clock of their machine"),
            _ if self.link().is_some_and(touches_control_plane) => {
                Some("the relays stand between sidecars; crash or pause the control plane instead")
            }
            _ => None,
        }
    }
}

/// In a few words, such as `cut orders ↔ payments`.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Delay(Delay { from, to, by }) => write!(formatter, "{kind} {from} → {to} by {by}"),
            Self::Bandwidth(Bandwidth { from, to, limit }) => {
                write!(formatter, "{kind} {from} → {to} of {limit}")
            }
            Self::Loss(Loss { from, to, share }) => write!(formatter, "{kind} {from} → {to} of {share}"),
            Self::Cut(Cut {
                from,
                to,
                one_way: true,
            }) => write!(formatter, "{kind} {from} → {to}"),
            Self::Cut(Cut { from, to, .. })
            | Self::Reset(Link { from, to })
            | Self::Heal(Link { from, to }) => {
                write!(formatter, "{kind} {from} ↔ {to}")
            }
            Self::Crash(program) | Self::Restart(program) | Self::Pause(program) | Self::Resume(program) => {
                write!(formatter, "{kind} {program}")
            }
            Self::ClockSkew(ClockSkew { of, by }) => write!(formatter, "clock skew of {of} by {by}"),
        }
    }
}
