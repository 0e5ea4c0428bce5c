//! What a process has used, where the system tells (Linux, in `/proc`).

use std::fs;
use std::time::Duration;

use serde::Serialize;

/// Memory of processes, in KiB.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "measure", content = "kib")]
pub enum Memory {
    /// The proportional set size: what several processes share counts once in all.
    Pss(u64),
    /// The resident set size, where the kernel does not tell the other: what is shared counts in each.
    Rss(u64),
}

impl Memory {
    /// Of the process `id`; `None` when nobody tells.
    pub fn of(id: u32) -> Option<Self> {
        kib(&format!("/proc/{id}/smaps_rollup"), "Pss:")
            .map(Self::Pss)
            .or_else(|| kib(&format!("/proc/{id}/status"), "VmRSS:").map(Self::Rss))
    }

    /// The number, whatever it counts.
    pub fn kib(self) -> u64 {
        match self {
            Self::Pss(kib) | Self::Rss(kib) => kib,
        }
    }

    /// Both together; as exact as the less exact one.
    pub fn and(self, other: Self) -> Self {
        let kib = self.kib() + other.kib();
        match (self, other) {
            (Self::Pss(_), Self::Pss(_)) => Self::Pss(kib),
            _ => Self::Rss(kib),
        }
    }

    /// What is counted, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pss(_) => "PSS",
            Self::Rss(_) => "RSS",
        }
    }
}

/// The CPU time that the process `id` has used so far, the kernel's part included; `None` when nobody tells.
pub fn cpu_time(id: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let mut total = Duration::ZERO;
    for thread in threads {
        // In nanoseconds, unlike `stat`, which counts ticks of 10 ms.
        let schedule = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        total += Duration::from_nanos(schedule.split_whitespace().next()?.parse().ok()?);
    }
    Some(total)
}

fn kib(path: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Memory, cpu_time};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_can_be_asked() {
        let own = std::process::id();
        assert!(Memory::of(own).expect("it runs").kib() > 100);
        let before = cpu_time(own).expect("it runs");
        let mut sum = 0_u64;
        while cpu_time(own).expect("it runs") <= before {
            sum = std::hint::black_box(sum + 1);
        }
        assert_eq!(Memory::of(u32::MAX), None);
        assert_eq!(cpu_time(u32::MAX), None);
    }

    #[test]
    fn a_sum_is_as_exact_as_its_least_exact_part() {
        assert_eq!(Memory::Pss(1).and(Memory::Pss(2)), Memory::Pss(3));
        assert_eq!(Memory::Pss(1).and(Memory::Rss(2)), Memory::Rss(3));
    }
}
