//! The HTTP servers of the local cloud (AWS, Microsoft Graph, login service). The servers apply the fault rules to each
//! request, pass the request to its service, and record the call.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::stand_in::assumptions::{self, Assumption};
use crate::stand_in::authority::{Authority, Caller};
use crate::stand_in::aws_error::Protocol;
use crate::stand_in::fault::{Faults, Hit, Kill};
use crate::stand_in::gate::Gates;
use crate::stand_in::graph::Graph;
use crate::stand_in::http::{Request, Response};
use crate::stand_in::iam::Iam;
use crate::stand_in::model::Models;
use crate::stand_in::options::Behaviour;
use crate::stand_in::record::Recorder;
use crate::stand_in::route::{Destination, ISSUER, destination};
use crate::stand_in::sign_in::operation;
use crate::stand_in::simulated;
use crate::stand_in::sts::Sts;
use crate::stand_in::upstream::Upstream;
use crate::stand_in::violations::Violations;
use crate::stand_in::world::{Service, World};
use crate::stand_in::{admin, caller, cloud_trail, queues};

/// The largest request body that is accepted. Requests can contain S3 objects.
const BODY: usize = 512 * 1024 * 1024;

/// The HTTP status that is recorded for a call whose caller was killed before the response was sent.
const KILLED: u16 = 499;

/// The state that the three servers share.
pub(crate) struct Cloud {
    /// The behavior of the account if every assumption has its default reading.
    pub(crate) base: Behaviour,
    pub(crate) world: World,
    pub(crate) graph: Arc<Graph>,
    pub(crate) authority: Authority,
    pub(crate) iam: Iam,
    pub(crate) sts: Sts,
    pub(crate) upstream: Upstream,
    pub(crate) models: Option<Models>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) gates: Gates,
    pub(crate) recorder: Recorder,
    pub(crate) violations: Violations,
}

/// The server that received a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Aws,
    Graph,
    Login,
}

/// The remote end of a connection.
#[derive(Clone, Debug)]
struct Peer {
    port: u16,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { port: stream.remote_addr().port() }
    }
}

/// Starts a server, which runs until the handle is aborted.
pub(crate) fn open(cloud: Arc<Cloud>, door: Door, listener: TcpListener, port: u16) -> JoinHandle<()> {
    let service =
        axum::Router::new().fallback(move |ConnectInfo(peer): ConnectInfo<Peer>, request: axum::extract::Request| {
            let cloud = Arc::clone(&cloud);
            async move { enter(&cloud, door, peer, port, request).await }
        });
    let service = service.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).await {
            eprintln!("local cloud: the server of a port stopped: {error}");
        }
    })
}

async fn enter(
    cloud: &Arc<Cloud>,
    door: Door,
    peer: Peer,
    port: u16,
    request: axum::extract::Request,
) -> axum::response::Response {
    let request = match read(request).await {
        Ok(request) => request,
        Err(error) => return write(Response::new(400, "text/plain", format!("the body can't be read: {error}"))),
    };
    if door == Door::Aws && request.path.starts_with("/_admin/") {
        return write(admin::serve(cloud, &request).await);
    }
    // The request is handled in a separate task, so that the call takes full effect and is recorded even if the caller
    // disconnects early.
    let cloud = Arc::clone(cloud);
    let call = tokio::spawn(async move { cloud.call(door, peer, port, &request).await });
    match call.await {
        Ok(answer) => write(answer),
        Err(error) => write(Response::new(500, "text/plain", format!("the local cloud failed: {error}"))),
    }
}

impl Cloud {
    /// Emulates the alternative reading of these assumptions, and the default reading of all others.
    pub(crate) fn assume(&self, rows: &[&Assumption]) {
        let mut behaviour = self.base.clone();
        assumptions::play(rows, &mut behaviour);
        self.graph.behave(behaviour.graph.clone());
        self.iam.behave(behaviour.clone());
        self.world.behave(behaviour);
    }

    async fn call(&self, door: Door, peer: Peer, port: u16, request: &Request) -> Response {
        let way = way(door, request);
        let (caller, verdict) = match door {
            Door::Aws => self.authority.judge(&self.world, &self.iam, &self.violations, &way, request).await,
            // An access token identifies the application that makes a call, but not the Lambda function.
            Door::Graph | Door::Login => (self.authority.function(caller::function(request), Vec::new()), Ok(())),
        };
        let hit = self.hit(&caller, &way, request);
        if let Some(delay) = hit.as_ref().and_then(Hit::delay) {
            tokio::time::sleep(delay).await;
        }
        if let Some(gate) = hit.as_ref().and_then(Hit::gate) {
            self.gates.pass(gate).await;
        }
        let kill = hit.as_ref().and_then(Hit::kill);
        if kill == Some(Kill::Before) {
            let mut answer = Response::empty(KILLED);
            answer.broken = !self.kill(&caller, &peer, port);
            self.recorder.note(&way, &caller, request, &answer, true);
            return answer;
        }
        let planned = hit.as_ref().and_then(|hit| hit.answer(way.protocol));
        let mut simulated = planned.is_some();
        let mut answer = match (planned, verdict) {
            (Some(answer), _) => answer,
            (None, Err(refusal)) => refusal.answer(way.protocol),
            (None, Ok(())) => self.serve(door, &way, request).await,
        };
        let late = hit.as_ref().and_then(Hit::answer_delay);
        if let Some(hit) = hit {
            simulated |= hit.cut(&mut answer);
            answer.broken = hit.breaks();
        }
        simulated |= answer.broken;
        if kill == Some(Kill::After) {
            answer.broken |= !self.kill(&caller, &peer, port);
            simulated = true;
        }
        simulated |= late.is_some();
        // The call is recorded before the response is delayed. If the caller stops waiting and exits earlier, the call
        // is already in the record.
        self.recorder.note(&way, &caller, request, &answer, simulated);
        if let Some(delay) = late {
            tokio::time::sleep(delay).await;
        }
        answer
    }

    /// If a fault rule makes the invocation of a function by a state fail: the error that the state gets, and whether
    /// the function still runs. `None` if no rule applies.
    pub(crate) async fn invoked(&self, function: &str, state: &str) -> Option<(&'static str, bool)> {
        let way = Destination { service: "lambda".into(), operation: "Invoke".into(), protocol: Protocol::RestJson };
        let request = Request {
            method: "POST".into(),
            path: format!("/2015-03-31/functions/{function}/invocations"),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let caller = Caller { state: Some(state.into()), ..Caller::default() };
        let hit = self.hit(&caller, &way, &request)?;
        if let Some(delay) = hit.delay() {
            tokio::time::sleep(delay).await;
        }
        let failure = hit.invocation()?;
        self.recorder.note(&way, &caller, &request, &Response::empty(KILLED), true);
        Some(failure)
    }

    fn hit(&self, caller: &Caller, way: &Destination, request: &Request) -> Option<Hit> {
        let line = format!("{} {}", request.method, request.path);
        let decoded = percent_encoding::percent_decode_str(&line).decode_utf8_lossy().into_owned();
        let target = request.header("x-amz-target").unwrap_or_default();
        let names = [line.as_str(), decoded.as_str(), way.operation.as_str(), target];
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).hit(caller.name().as_deref(), &way.service, &names)
    }

    /// Kills the process that made the call. Returns false if the caller is Step Functions, which is never killed. A
    /// call of Step Functions then gets no response.
    fn kill(&self, caller: &Caller, peer: &Peer, port: u16) -> bool {
        if caller.is_step_functions() {
            return false;
        }
        if let Err(reason) = caller::kill(peer.port, port) {
            self.violations.note(format!("a kill rule found no process to kill: {reason}"));
        }
        true
    }

    async fn serve(&self, door: Door, way: &Destination, request: &Request) -> Response {
        match (door, Service::of(&way.service)) {
            (Door::Graph, _) => self.graph.handle_graph(request).await,
            (Door::Login, _) => self.graph.handle_login(request).await,
            (Door::Aws, Some(service)) => {
                simulated::serve(&self.world, self.models.as_ref(), &self.violations, service, request)
            }
            // The local cloud has already authorized this request. The request is sent with the operator's access key,
            // because the emulator's own authorization does not support IAM paths.
            (Door::Aws, None) if way.service == "iam" => {
                let answer = self.iam.serve(&self.upstream.operators(request, "iam")).await;
                if !["Get", "List"].iter().any(|reads| way.operation.starts_with(reads)) {
                    self.authority.iam_changed();
                }
                answer
            }
            (Door::Aws, None) if way.service == "sts" && way.operation == "AssumeRoleWithSAML" => {
                operation::serve(self, request).await
            }
            (Door::Aws, None) if ["sts", ISSUER].contains(&way.service.as_str()) => {
                self.sts.serve(&self.iam, &self.authority, request).await
            }
            (Door::Aws, None) if way.service == "cloudtrail" && way.operation == cloud_trail::LOOK_UP => {
                cloud_trail::serve(&self.world, request)
            }
            (Door::Aws, None) if way.service == "sqs" && way.operation == queues::START => {
                queues::start(&self.upstream, request).await
            }
            (Door::Aws, None) => self.upstream.pass(request, way.protocol).await,
        }
    }
}

fn way(door: Door, request: &Request) -> Destination {
    match door {
        Door::Graph => {
            Destination { service: "graph".into(), operation: Graph::operation(request), protocol: Protocol::Graph }
        }
        Door::Login => {
            let operation = format!("{} {}", request.method, request.path);
            Destination { service: "login".into(), operation, protocol: Protocol::Login }
        }
        Door::Aws => {
            let mut found = destination(request);
            let named = Service::of(&found.service).and_then(|service| simulated::operation(service, request));
            if let Some(operation) = named {
                found.operation = operation.into();
            }
            found
        }
    }
}

async fn read(request: axum::extract::Request) -> Result<Request, axum::Error> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY).await?.to_vec();
    let query = parts.uri.query().unwrap_or_default();
    let headers = parts.headers.iter();
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body,
    })
}

/// A response body that breaks off in the middle, because the connection is reset.
fn broken(body: Vec<u8>) -> Body {
    let half = body[..body.len() / 2].to_vec();
    let breaks = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Body::from_stream(futures_util::stream::iter([Ok(half), Err(breaks)]))
}

fn write(answer: Response) -> axum::response::Response {
    let mut response = axum::http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = if answer.broken { broken(answer.body) } else { Body::from(answer.body) };
    response.body(body).unwrap_or_else(|_| axum::http::Response::new(Body::empty()))
}
