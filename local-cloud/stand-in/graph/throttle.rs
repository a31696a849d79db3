//! Graph's throttling limits, which are counted in resource units, in windows of ten seconds. The local cloud counts
//! the calls of all applications together.

use time::OffsetDateTime;

use super::{Graph, error::GraphError, schema::Endpoint};
use crate::stand_in::http::Request;

const WINDOW_SECONDS: f64 = 10.0;

/// The resource units used in the current window.
#[derive(Default)]
pub(super) struct Meter {
    ends: Option<OffsetDateTime>,
    used: u32,
}

impl Meter {
    /// Counts the resource units of a call in the current window.
    ///
    /// # Errors
    /// Fails if the units of the window are used up. The error has the status 429 and contains the number of seconds
    /// until the next window.
    pub(super) fn take(
        &mut self,
        graph: &Graph,
        users: usize,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Result<(), GraphError> {
        let now = graph.now();
        if self.ends.is_none_or(|ends| ends <= now) {
            self.ends = Some(graph.options.clock.after(WINDOW_SECONDS));
            self.used = 0;
        }
        self.used += cost(endpoint, request);
        let documented = match users {
            ..50 => 3_500,
            50..=500 => 5_000,
            _ => 8_000,
        };
        let limit = graph.behaviour().resource_units.unwrap_or(documented);
        if self.used > limit {
            let left = self.ends.map_or(0.0, |ends| (ends - now).as_seconds_f64());
            // `Retry-After` contains a time as in the real cloud, because the client itself applies the clock scale
            // when it waits. The header allows only whole seconds.
            let seconds = graph.options.clock.real(left).ceil();
            return Err(GraphError::throttled(if seconds > 1.0 { seconds as u64 } else { 1 }));
        }
        Ok(())
    }
}

fn cost(endpoint: &Endpoint, request: &Request) -> u32 {
    let path = endpoint.path.as_str();
    let base = match path {
        _ if path.contains("transitiveMembers") || path.ends_with("getByIds") => 5,
        _ if path.contains("/members") => 3,
        _ if path.starts_with("/users") => 2,
        _ => 1,
    };
    let small = request.query("$top").and_then(|top| top.parse::<u32>().ok()).is_some_and(|top| top < 20);
    (base - i32::from(request.query("$select").is_some()) - i32::from(small)).max(1).unsigned_abs()
}
