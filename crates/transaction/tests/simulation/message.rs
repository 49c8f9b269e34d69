//! What the simulated programs send each other: the fields of a SIP message that matter to transactions.

/// Number of a program in the network.
pub type Node = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Invite,
    Ack,
    Cancel,
    Bye,
    Options,
}

/// A Via: who sent it on, and the branch parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Via {
    pub node: Node,
    pub branch: u32,
}

#[derive(Clone, Debug)]
pub struct Message {
    /// Of a reply: the method in its CSeq.
    pub method: Method,
    /// Zero for a request.
    pub status: u16,
    /// The topmost is the last.
    pub vias: Vec<Via>,
    pub call: u32,
    pub cseq: u32,
    pub from_tag: u32,
    /// Zero: none.
    pub to_tag: u32,
    /// Record-Route: the topmost is the last.
    pub record: Vec<Node>,
    /// Route: the topmost is the first.
    pub route: Vec<Node>,
    /// The phone or proxy in the request's address; none when it is a name that proxies have to look up.
    pub target: Option<Node>,
    /// The sender's own address.
    pub contact: Node,
    /// Tells apart provisional replies that were sent several times on purpose.
    pub serial: u32,
}

impl Message {
    /// The topmost Via.
    pub fn via(&self) -> Via {
        self.vias.last().copied().unwrap_or(Via { node: usize::MAX, branch: 0 })
    }

    /// A reply to this request.
    pub fn reply(&self, status: u16, to_tag: u32, contact: Node) -> Self {
        let to_tag = if self.to_tag == 0 { to_tag } else { self.to_tag };
        Self { status, to_tag, contact, route: Vec::new(), target: None, ..self.clone() }
    }

    /// This reply as it goes on upstream.
    pub fn passed_on(&self) -> Self {
        let mut reply = self.clone();
        reply.vias.pop();
        reply
    }

    /// The CANCEL for this INVITE, as it was sent.
    pub fn cancel(&self) -> Self {
        Self { method: Method::Cancel, vias: vec![self.via()], ..self.clone() }
    }

    /// The ACK to a negative reply to this INVITE, as it was sent.
    pub fn acknowledge(&self, to_tag: u32) -> Self {
        Self { method: Method::Ack, vias: vec![self.via()], to_tag, ..self.clone() }
    }

    /// What tells that two messages are the same one, sent again.
    pub fn identity(&self, from: Node, to: Node) -> Identity {
        let status_or_request = (self.method, self.status, self.to_tag, self.serial);
        (from, to, self.via(), self.vias.len(), status_or_request)
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let Via { node, branch } = self.via();
        let what = if self.status == 0 {
            format!("{:?}", self.method)
        } else {
            format!("{} to {:?}", self.status, self.method)
        };
        let Self { call, cseq, from_tag, to_tag, .. } = self;
        format!("{what} (call {call}, cseq {cseq}, tags {from_tag}/{to_tag}, via {node}/{branch})")
    }
}

/// See [`Message::identity`].
pub type Identity = (Node, Node, Via, usize, (Method, u16, u32, u32));
