//! Which machines of the catalogue may be asked for: the pipeline's `[fleet]`, and the architectures that there is a
//! worker and a launch template for. It names the knob to blame where nothing is left.

use super::catalogue::{self, CLASSES, Generation};
use spotmill_core::fleet::Architecture;
use spotmill_core::model;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    pub architectures: Vec<Architecture>,
    /// Classes or families; empty: all.
    pub families: Vec<String>,
    /// Empty: all.
    pub generations: Vec<u32>,
}

/// Keys of `[fleet]` that narrow the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knob {
    Families,
    Generations,
    Architectures,
}

impl Knob {
    pub fn key(self) -> &'static str {
        match self {
            Self::Families => "families",
            Self::Generations => "generations",
            Self::Architectures => "architectures",
        }
    }
}

impl Allowed {
    /// What a pipeline allows.
    pub fn by(knobs: &model::Fleet) -> Self {
        let named = |a: &Architecture| knobs.architectures.is_empty() || knobs.architectures.contains(a);
        Self {
            architectures: Architecture::ALL.into_iter().filter(named).collect(),
            families: knobs.families.clone(),
            generations: knobs.generations.clone(),
        }
    }

    /// Everything on these architectures.
    pub fn on(architectures: &[Architecture]) -> Self {
        Self { architectures: architectures.to_vec(), ..Self::default() }
    }

    pub(super) fn has(&self, class: char, of: &Generation) -> bool {
        self.architectures.contains(&of.architecture) && self.has_generation(of) && self.has_family(class, of)
    }

    pub(super) fn has_generation(&self, of: &Generation) -> bool {
        self.generations.is_empty() || self.generations.contains(&of.number())
    }

    pub(super) fn has_family(&self, class: char, of: &Generation) -> bool {
        let named = |name: &String| match name.strip_prefix(class) {
            Some(rest) => rest.is_empty() || rest == of.name,
            None => false,
        };
        self.families.is_empty() || self.families.iter().any(named)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (char, &'static Generation)> {
        catalogue::all().filter(|(class, g)| self.has(*class, g))
    }

    /// MiB a vCPU of the class with most that is left; of the poorest where nothing is.
    pub(super) fn richest(&self) -> u64 {
        let left = CLASSES.iter().filter(|(class, _)| self.all().any(|(c, _)| c == *class));
        left.map(|(_, ratio)| *ratio).max().unwrap_or(CLASSES[0].1)
    }

    /// The knob without which there would be machines; nothing where there are some.
    pub fn blamed(&self) -> Option<Knob> {
        if self.all().next().is_some() {
            return None;
        }
        let without = |knob: Knob| match knob {
            Knob::Families => Self { families: Vec::new(), ..self.clone() },
            Knob::Generations => Self { generations: Vec::new(), ..self.clone() },
            Knob::Architectures => Self { architectures: Architecture::ALL.to_vec(), ..self.clone() },
        };
        let knobs = [Knob::Families, Knob::Generations, Knob::Architectures];
        Some(knobs.into_iter().find(|knob| without(*knob).all().next().is_some()).unwrap_or(Knob::Families))
    }
}
