//! Gates. A fault rule makes a call wait at a gate until an administration call opens this gate. A test can thus
//! control the order of events without waiting for fixed times.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The gates by name. Each gate is initially closed. After a gate has been opened, it remains open.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<BTreeMap<String, Gate>>);

#[derive(Debug)]
struct Gate {
    open: watch::Sender<bool>,
    waiting: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { open: watch::Sender::new(false), waiting: 0 }
    }
}

impl Gates {
    /// Waits until the gate is open.
    pub(crate) async fn pass(&self, name: &str) {
        let mut open = {
            let mut gates = self.gates();
            let gate = gates.entry(name.to_owned()).or_default();
            gate.waiting += 1;
            gate.open.subscribe()
        };
        // `wait_for` fails only if the sender no longer exists. The sender always exists, because gates are never
        // removed.
        let _ = open.wait_for(|open| *open).await;
        if let Some(gate) = self.gates().get_mut(name) {
            gate.waiting -= 1;
        }
    }

    pub(crate) fn open(&self, name: &str) {
        self.gates().entry(name.to_owned()).or_default().open.send_replace(true);
    }

    /// How many calls wait at each gate.
    pub(crate) fn waiting(&self) -> BTreeMap<String, usize> {
        self.gates().iter().map(|(name, gate)| (name.clone(), gate.waiting)).collect()
    }

    fn gates(&self) -> MutexGuard<'_, BTreeMap<String, Gate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_call_waits_until_its_gate_opens_and_later_calls_do_not_wait() {
        let gates = Arc::new(Gates::default());
        let call = tokio::spawn({
            let gates = Arc::clone(&gates);
            async move { gates.pass("first").await }
        });
        while gates.waiting().get("first") != Some(&1) {
            tokio::task::yield_now().await;
        }
        gates.open("second");
        tokio::task::yield_now().await;
        assert!(!call.is_finished());
        gates.open("first");
        assert!(call.await.is_ok());
        gates.pass("first").await;
        assert_eq!(gates.waiting()["first"], 0);
    }
}
