//! Which combinations there are, and how an entry has to end in each.

use codap::Ending;

/// A set of choices, all of which are tried.
macro_rules! choices {
    ($($name:ident { $($choice:ident),* $(,)? })*) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($choice),* }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$choice),*];
        }
    )*};
}

choices! {
    Shape { Kv, Ordered, FirstReply }
    Kind { Future, Function, Slot, External }
    Panics {
        Not,
        // Before the first await; in the callback of an external entry.
        AtOnce,
        AfterAwait,
        // In the drop of the future, or of what a function or callback has captured.
        DropOfWork,
        AtOnceAndDropOfWork,
        // And in the drop of the key; in the drop of the error if it ends with one.
        DropOfValue,
        DropOfPayload,
    }
    Ends { Value, Error, Never }
    Cancel { Never, BeforeStart, Pending, AfterEnd }
    OwnerGoes { BeforeStart, Pending, AfterEnd, Detached }
    Kept { Kept, Dropped }
    Reader { None, Awaits, Blocks, DropsMidWait }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) shape: Shape,
    pub(super) kind: Kind,
    pub(super) panics: Panics,
    pub(super) ends: Ends,
    pub(super) cancel: Cancel,
    pub(super) owner: OwnerGoes,
    pub(super) reply: Kept,
    pub(super) reader: Reader,
}

impl Case {
    /// All that make sense, in a fixed order.
    pub(super) fn all(shape: Shape) -> Vec<Self> {
        let mut cases = Vec::new();
        for &kind in Kind::ALL {
            for &panics in Panics::ALL {
                for &ends in Ends::ALL {
                    for &cancel in Cancel::ALL {
                        for &owner in OwnerGoes::ALL {
                            for &reply in Kept::ALL {
                                cases.extend(Reader::ALL.iter().map(|&reader| Self {
                                    shape,
                                    kind,
                                    panics,
                                    ends,
                                    cancel,
                                    owner,
                                    reply,
                                    reader,
                                }));
                            }
                        }
                    }
                }
            }
        }
        cases.retain(Self::is_possible);
        cases
    }

    /// Whether the work panics as soon as it starts, so that it is never seen pending.
    pub(super) fn at_once(&self) -> bool {
        match self.panics {
            Panics::AtOnce | Panics::AtOnceAndDropOfWork => true,
            Panics::DropOfPayload => self.kind == Kind::External,
            _ => false,
        }
    }

    pub(super) fn is_possible(&self) -> bool {
        let panics = match self.kind {
            Kind::Future => true,
            // What a function has captured is dropped while its panic unwinds: in Rust a second
            // panic there aborts before anybody could catch it.
            Kind::Function => self.panics != Panics::AtOnceAndDropOfWork,
            Kind::Slot => matches!(self.panics, Panics::Not | Panics::DropOfValue),
            Kind::External => {
                !matches!(self.panics, Panics::AfterAwait | Panics::AtOnceAndDropOfWork)
            }
        };
        let runs_into_panic =
            self.at_once() || matches!(self.panics, Panics::AfterAwait | Panics::DropOfPayload);
        // How it would have ended makes no difference to work that panics.
        let ends = !runs_into_panic || self.ends == Ends::Value;
        let cancel = self.ends != Ends::Never || self.cancel != Cancel::AfterEnd;
        let pending = self.cancel == Cancel::Pending || self.owner == OwnerGoes::Pending;
        // A slot needs no permit and so never stands in a queue.
        let queue = !self.queued() || self.kind != Kind::Slot;
        panics && ends && cancel && queue && !(pending && self.at_once())
    }

    /// Whether something happens to it while it waits for its first permit.
    pub(super) fn queued(&self) -> bool {
        self.cancel == Cancel::BeforeStart || self.owner == OwnerGoes::BeforeStart
    }

    pub(super) fn ended_early(&self) -> bool {
        let pending = self.cancel == Cancel::Pending || self.owner == OwnerGoes::Pending;
        self.queued() || self.at_once() || pending
    }

    /// Whether it is still pending when everything but the last gate has been opened.
    pub(super) fn lasts(&self) -> bool {
        self.ends == Ends::Never && !self.ended_early()
    }

    /// Whether it then has a permit. Work that cannot be stopped keeps it although it has ended.
    pub(super) fn holds_permit(&self) -> bool {
        match self.kind {
            Kind::Future => self.lasts(),
            Kind::Function | Kind::External => {
                self.ends == Ends::Never && !self.queued() && !self.at_once()
            }
            Kind::Slot => false,
        }
    }

    pub(super) fn ending(&self) -> Ending {
        if self.ended_early() {
            return match (self.queued() || !self.at_once(), self.kind) {
                (true, _) => Ending::Cancelled,
                (false, Kind::External) => Ending::Abandoned,
                (false, _) => Ending::Panicked,
            };
        }
        if self.lasts() && self.owner == OwnerGoes::AfterEnd {
            return Ending::Cancelled;
        }
        let by_hand = matches!(self.kind, Kind::Slot | Kind::External);
        match (self.panics, self.ends) {
            (Panics::AfterAwait | Panics::DropOfPayload, _) => Ending::Panicked,
            (Panics::DropOfWork, _) if !by_hand => Ending::Panicked,
            (_, Ends::Error) => Ending::Failed,
            (_, Ends::Never) if by_hand => Ending::Abandoned,
            (_, Ends::Value | Ends::Never) => Ending::Ok,
        }
    }
}
